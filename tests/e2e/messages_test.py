#!/usr/bin/env python3
"""Messages of cases in the real program: a webhook (Python's own http.server) and a mail server of somebody else (aiosmtpd, with
STARTTLS or TLS under a certificate authority of the test, and a sign-in) are told what happens. The webhook fails first, the program is
killed between a step and its message: every step arrives, in order, signed."""
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import AuthResult, LoginPassword  # noqa: E402
from harness import Program, Refused, wait_for  # noqa: E402

SECRET = "signed with this"


class Webhook:
    """Answers with `status`; keeps what it answered 200."""

    def __init__(self, tls=None):
        self.status, self.taken, self.refused = 200, [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                want = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
                assert self.headers["Gongshu-Signature"] == want, self.headers
                told = json.loads(body)
                assert self.headers["Gongshu-Message-Id"] == told["id"], told
                (outer.taken if outer.status == 200 else outer.refused).append((self.path, told))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self):
        return [told["id"] for _, told in self.taken]


class Mails:
    """What a mail server took. `refuse` is the answer to the next mails instead."""

    def __init__(self):
        self.taken, self.refuse, self.signed_in = [], None, 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return self.refuse
        self.taken.append((list(envelope.rcpt_tos), email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 2.0.0 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"gongshu", b"mail password")
        self.signed_in += right
        return AuthResult(success=right, handled=False)


def certificates(folder):
    def run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test ca", "-days", "30")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt", "-days", "30", "-extfile", "names")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context, (folder / "ca.crt").read_text()


def ask(program, asset):
    return program.post("/api/v1/cases", {"kind": "downtime_reason", "note": "why?", "fields": {"asset": asset, "from": "2026-03-01T08:00:00Z", "to": "2026-03-01T08:12:00Z"}})["id"]


def state(program, name):
    return next(one for one in program.get("/api/v1/status/messages")["items"] if one["name"] == name)


def hook(url, **more):
    return {"channel": "webhook", "url": url, "secret": SECRET, **more}


def webhooks(program, tls, ca):
    plain, secure = Webhook(), Webhook(tls)
    program.put("message_hooks", "plain", hook(f"http://127.0.0.1:{plain.port}/in?key={{key}}", key="k 1", link="https://gongshu.plant"))
    program.put("message_hooks", "secure", hook(f"https://localhost:{secure.port}/", ca=ca, actions=["answer"]))
    kept = program.get("/api/v1/message_hooks/plain")["spec"]
    assert kept["secret"] == {"secret": True} and kept["key"] == {"secret": True}, kept
    first = ask(program, "works/press1")
    wait_for("the first message", lambda: plain.ids() == [f"{first}/1"])
    path, told = plain.taken[0]
    assert path == "/in?key=k%201", path
    assert told["link"] == f"https://gongshu.plant/#/cases/{first}" and told["fields"]["asset"] == "works/press1", told
    assert told["text"].startswith(f"停机原因 {first}：works/press1。admin：请求说明，现为“待说明”，期限 "), told
    # It fails: told, waiting, and a kill -9 in between loses nothing. A redirect is not followed.
    for status in (500, 302):
        plain.status = status
        again = ask(program, "works/press2")
        wait_for("a refusal", lambda: state(program, "plain")["state"] == "failing")
        program.kill()
        program.start()
        wait_for("another refusal", lambda: f"answered {status}" in state(program, "plain")["problem"])
        assert state(program, "plain")["waiting"] == 1, state(program, "plain")
        plain.status = 200
        program.put("message_hooks", "plain", hook(f"http://127.0.0.1:{plain.port}/in", link="https://gongshu.plant"))  # no pause after a change
        wait_for("the message after it", lambda: f"{again}/1" in plain.ids())
    wait_for("rest", lambda: state(program, "plain")["waiting"] == 0)
    # Kills at once after the step: the message comes at least once.
    for place in range(4):
        last = ask(program, f"works/m{place}")
        program.kill()
        program.start()
        wait_for(f"{last} after a kill", lambda: f"{last}/1" in plain.ids())
    order = list(dict.fromkeys(plain.ids()))
    assert order == [f"DR-{number}/1" for number in range(1, 8)], order
    assert secure.taken == []
    program.post(f"/api/v1/cases/{first}:answer", {"fields": {"category": "tooling"}})
    wait_for("the answer over TLS", lambda: secure.ids() == [f"{first}/2"])
    assert secure.taken[0][1]["fields"]["category"] == "tooling"
    assert program.post("/api/v1/message_hooks/secure:test") == {"ok": True, "answer": "200 OK", "problem": ""}
    program.put("message_hooks", "secure", hook(f"https://localhost:{secure.port}/", actions=["answer"]))
    told = program.post("/api/v1/message_hooks/secure:test")
    assert not told["ok"] and "certificate" in told["problem"], told
    program.put("message_hooks", "refused", hook("http://169.254.169.254/"))
    told = program.post("/api/v1/message_hooks/refused:test")
    assert not told["ok"] and "link-local" in told["problem"], told
    program.put("message_hooks", "unknown", hook("http://there-is-no-such-host.invalid/"))
    assert "cannot" in program.post("/api/v1/message_hooks/unknown:test")["problem"]
    for gone in ("refused", "unknown"):
        program.call("DELETE", f"/api/v1/message_hooks/{gone}")
    taken = [one for one in program.get("/api/v1/egress")["taken"] if one["door"] == "message"]
    assert {"hook:plain", "hook:secure"} <= {one["who"] for one in taken} and taken[0]["purpose"] == "message", taken
    return plain


def mails(program, tls, ca, plain):
    servers = []
    for name, security in (("starttls", "starttls"), ("tls", "tls")):
        box = Mails()
        common = {"hostname": "127.0.0.1", "port": 0, "authenticator": box.authenticate, "auth_required": True}
        if security == "tls":
            controller = Controller(box, ssl_context=tls, auth_require_tls=False, **common)  # it does not know that all of it is TLS
        else:
            controller = Controller(box, tls_context=tls, require_starttls=True, **common)
        controller.ready_timeout = 30
        controller.port = free_port()
        controller.start()
        servers.append(controller)
        spec = {"channel": "email", "host": "localhost", "port": controller.port, "security": security, "user": "gongshu", "password": "mail password",
                "from": "gongshu@plant.example", "to": ["li@plant.example", "nobody@plant.example"], "ca": ca, "language": "en", "actions": ["open"]}
        program.put("message_hooks", name, spec)
        told = program.post(f"/api/v1/message_hooks/{name}:test")
        assert told["ok"] and told["answer"] == "250 2.0.0 taken" and "nobody@plant.example: 550" in told["problem"], told
        case = ask(program, f"车间/注塑机3{name}")
        wait_for("the mail", lambda: len(box.taken) == 2)
        receivers, mail = box.taken[1]
        assert receivers == ["li@plant.example"], receivers
        assert mail["subject"] == f"Downtime reason {case}: 车间/注塑机3{name}", mail["subject"]
        assert mail["gongshu-message-id"] == f"{case}/1" and mail["message-id"].startswith(f"<{case}/1/"), mail
        text = mail.get_content()
        assert "admin: Ask why" in text and "Note: why?" in text and "Machine: 车间/注塑机3" in text, text
        box.refuse = "451 4.7.1 later"
        waits = ask(program, "works/press9")
        wait_for("why it fails", lambda: "451 4.7.1 later" in state(program, name)["problem"])
        program.kill()
        program.start()
        box.refuse = None
        program.put("message_hooks", name, {**spec, "password": {"secret": True}, "to": ["li@plant.example"]})
        wait_for("the mail after it", lambda: len(box.taken) >= 3 and box.taken[2][1]["gongshu-message-id"] == f"{waits}/1", 90)
        program.put("message_hooks", name, {**spec, "password": "wrong"})
        told = program.post(f"/api/v1/message_hooks/{name}:test")
        assert not told["ok"] and "sign-in of gongshu: 535" in told["problem"], told
        program.call("DELETE", f"/api/v1/message_hooks/{name}")
    for server in servers:
        server.stop()
    try:
        program.put("message_hooks", "clear", {"channel": "email", "host": "localhost", "security": "none", "user": "u", "from": "a@b", "to": ["a@b"]})
        raise AssertionError("a password went in clear")
    except Refused as error:
        assert "over TLS alone" in error.body, error
    wait_for("all of it by the webhook too", lambda: state(program, "plain")["waiting"] == 0)


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main():
    with tempfile.TemporaryDirectory() as folder, Program(args=["--allow-target", "localhost"]) as program:
        tls, ca = certificates(pathlib.Path(folder))
        plain = webhooks(program, tls, ca)
        mails(program, tls, ca, plain)
        ids = plain.ids()
        print(f"{len(set(ids))} steps told by webhook ({len(ids) - len(set(ids))} twice) and by mail, over 8 kills; 500, redirects and 451 waited for")


if __name__ == "__main__":
    main()
