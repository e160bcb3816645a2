#!/usr/bin/env python3
"""The program asks machines by HTTP: Python's own server, keeping the link and closing it after each answer, with and without a length. Values come, wrong
answers are told, and after each cut readings come back by themselves with the gap marked.

    http_poll_test.py [--cycles 3]
"""
import argparse
import base64
import hashlib
import http.server
import json
import pathlib
import re
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import HttpServer, Program, wait_for  # noqa: E402
from rtu_test import cycles, few, on_the_way, status  # noqa: E402


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        meter = self.server.meter
        self.server.asked.append(self.path)
        code, body = meter.answer(self.path)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        if meter.says_length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Keeping(Handler):
    protocol_version = "HTTP/1.1"


class Signed(Keeping):
    """Lets in whom it knows by the way that its meter asks for: basic, or digest with MD5 or SHA-256."""

    def do_GET(self):
        meter = self.server.meter
        said = self.headers.get("Authorization", "")
        meter.said.append(said.split(" ")[0])
        if meter.lets_in(said, self.path):
            return super().do_GET()
        meter.nonce += 1
        challenge = 'Basic realm="meter"' if meter.way == "basic" else f'Digest realm="a \\"meter\\"", nonce="n{meter.nonce}", qop="auth,auth-int", algorithm={meter.way}, opaque="o 1"'
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Negotiate')
        self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Meter:
    """A small meter with a web page: /status, and /channel/N for each of its channels."""

    def __init__(self, handler, says_length=True):
        self.handler, self.says_length = handler, says_length
        self.port, self.wrong, self.began = 0, {}, time.monotonic()
        self.tls, self.way, self.nonce, self.said = None, "basic", 0, []
        self.on()

    def on(self):
        self.server = HttpServer(self.port, self.handler)
        self.server.meter, self.server.asked = self, []
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.server.begin()

    def off(self):
        self.server.end()

    def lets_in(self, said, path):
        """The user is 李 with the password "p:9"; of Digest by the words of RFC 7616, with a nonce that is good ten times."""
        if self.way == "basic":
            return said == "Basic " + base64.b64encode("李:p:9".encode()).decode()
        if not said.startswith("Digest "):
            return False
        told = {key: (quoted or plain).replace('\\"', '"') for key, quoted, plain in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))', said)}
        name = hashlib.md5 if self.way == "MD5" else hashlib.sha256

        def digest(text):
            return name(text.encode()).hexdigest()
        who, what = digest(f'李:a "meter":p:9'), digest(f"GET:{path}")
        want = digest(f"{who}:{told['nonce']}:{told['nc']}:{told['cnonce']}:auth:{what}")
        fresh = told["nonce"] == f"n{self.nonce}" and int(told["nc"], 16) <= 10
        return fresh and told["response"] == want and told["opaque"] == "o 1" and told["uri"] == path and told["algorithm"] == self.way

    def answer(self, path):
        if path in self.wrong:
            return self.wrong[path]
        seconds = time.monotonic() - self.began
        known = {"/status": {"meters": [{"power": 12.5, "total": "1041.5"}], "relay": "on", "count": int(seconds * 10), "wifi": {"ssid": "三号车间", "ip": None}},
                 "/channel/2%20b": {"amps": 3}}
        return (200, json.dumps(known[path], ensure_ascii=False).encode()) if path in known else (404, b"{}")


PROPERTIES = [("power", "number", {"at": "meters[0].power", "scale": 0.001}), ("total", "number", {"at": "meters[0].total"}), ("relay", "boolean", {"at": "relay"}),
              ("count", "integer", {"at": "$.count"}), ("ssid", "text", {"at": "wifi.ssid"}), ("amps", "integer", {"at": "/channel/{station} amps"})]


def check_meter(program, name, meter, count):
    program.put("connections", name, {"protocol": "http_json", "host": "127.0.0.1", "port": meter.port, "http_path": "/status", "period_ms": 300})
    program.put("devices", f"site/{name}", {"type": "web_meter", "connection": name, "station": "2 b"})

    def value_of(tag, want):
        wait_for(f"{name}.{tag} is {want}", lambda: program.last(f"site/{name}.{tag}") == want, 30)

    for tag, want in (("power", 0.0125), ("total", 1041.5), ("relay", True), ("ssid", "三号车间"), ("amps", 3)):
        value_of(tag, [want, "good"])
    report = program.post(f"/api/v1/connections/{name}:test")
    assert report["ok"] and len(report["values"]) == len(PROPERTIES), report
    assert status(program, name)["counters"]["reconnects"] == 0, "a server that closes its links is no outage"

    meter.wrong["/channel/2%20b"] = (500, b"oops")
    wait_for("the answer is refused", lambda: program.last(f"site/{name}.amps")[1] == "bad:refused")
    assert "is answered with 500" in status(program, name)["last_error"], status(program, name)
    meter.wrong["/status"] = (200, b"<html>sign in</html>")
    wait_for("no JSON", lambda: program.last(f"site/{name}.power")[1] == "bad:refused")
    assert "is no JSON" in json.dumps(program.get("/api/v1/status/devices")), program.get("/api/v1/status/devices")
    meter.wrong["/status"] = (200, b'{"meters": [], "count": 1, "relay": "broken", "wifi": {"ssid": 5}}')
    wait_for("no such place", lambda: program.last(f"site/{name}.power")[1] == "bad:type")
    wait_for("what fits is taken", lambda: program.last(f"site/{name}.ssid") == ["5", "good"])
    meter.wrong.clear()
    value_of("power", [0.0125, "good"])
    value_of("amps", [3, "good"])
    cycles(program, f"{name} by HTTP", f"site/{name}.count", count, meter.off, meter.on)
    on_the_way(program, f"{name} by HTTP", name, f"site/{name}.count", meter.port, few(count))
    meter.off()


def check_locked(program, folder):
    """A meter with a certificate of its own making that wants a password."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=meter", "-keyout", str(folder / "key.pem"),
                    "-out", str(folder / "cert.pem")], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())).hexdigest()
    meter = Meter(Signed)
    meter.off()
    meter.tls = context
    meter.on()
    spec = {"protocol": "http_json", "host": "127.0.0.1", "port": meter.port, "http_path": "/status", "period_ms": 200, "https": True}
    program.put("connections", "locked", spec)
    program.put("devices", "site/locked", {"type": "web_meter", "connection": "locked", "station": "2 b"})
    shown = ":".join(fingerprint[i:i + 2] for i in range(0, 64, 2)).upper()
    wait_for("nobody vouches for it", lambda: f"its SHA-256 fingerprint is {shown}" in status(program, "locked")["last_error"])
    program.put("connections", "locked", {**spec, "server_fingerprint": "00" * 32})
    wait_for("it is another one", lambda: "not the one that is trusted" in status(program, "locked")["last_error"])
    assert not meter.said, "nothing was said to a machine that is not trusted"
    spec["server_fingerprint"] = shown
    program.put("connections", "locked", spec)
    wait_for("it wants a password", lambda: "it wants a user name and password" in status(program, "locked")["last_error"])
    for way in ("basic", "MD5", "SHA-256"):
        meter.way = way
        program.put("connections", "locked", {**spec, "user": "李", "password": "no"})
        wait_for(f"{way}: a wrong password is told", lambda: "user name or password is wrong" in status(program, "locked")["last_error"])
        program.put("connections", "locked", {**spec, "user": "李", "password": "p:9"})
        wait_for(f"{way}: values", lambda: program.last("site/locked.relay") == [True, "good"])
        assert "p:9" not in json.dumps(program.get("/api/v1/connections/locked")), "the password is read back"
        begin = len(meter.said)
        wait_for(f"{way}: many questions, and new nonces", lambda: len(meter.said) > begin + 30)
        if way != "basic":
            assert "Basic" not in meter.said[begin:], meter.said
        assert program.last("site/locked.relay") == [True, "good"]
        meter.said.clear()
    meter.off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    options = parser.parse_args()
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        program.put("device_types", "web_meter", {"properties": [{"name": name, "type": kind, "point": point} for name, kind, point in PROPERTIES]})
        for name, meter in (("keeping", Meter(Keeping)), ("closing", Meter(Handler)), ("endless", Meter(Handler, says_length=False))):
            check_meter(program, name, meter, options.cycles)
        check_locked(program, program.folder)
    print("machines are asked by HTTP, and come back by themselves")


if __name__ == "__main__":
    main()
