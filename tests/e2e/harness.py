"""Starts the real program on ports it picks itself and talks to it as its users do. Standard library only."""
import base64
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("GONGSHU", SOURCE / "build/release/gongshu"))
SHARED = next((p for p in (SOURCE / "../shared/data", SOURCE / "../../shared/data") if p.exists()), None)
PASSWORD = "a-long-first-password"


def wait_for(what, condition, seconds=60, interval=0.05):
    """Polls until `condition` gives something true, and gives it back; fails naming `what` when the time is over."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(interval)


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Program:
    """One run of `gongshu MODE`. Use it in a `with`; kill() is kill -9."""

    def __init__(self, mode="serve", data=None, args=(), env=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-e2e-"))
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.mode, self.args, self.env = mode, list(args), env
        self.log = open(self.folder / "log.txt", "ab")
        self.process = None
        self.start()

    def start(self):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(PROGRAM), self.mode, "--data", str(self.data), "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--ready-json", str(ready),
             "--admin-password-file", str(password), "--key-folder", str(self.folder / "keys"), *self.args],
            stdout=self.log, stderr=self.log, env=self.env)

        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the program ended with {self.process.returncode}:\n{self.tail()}")
            return ready.exists() and ready.read_text().endswith("}\n")

        try:
            wait_for("the ready file", is_ready, 120)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.tail()}") from None
        self.ready = json.loads(ready.read_text())
        self.url = self.ready["http"]
        self.mqtt_host, port = self.ready["mqtt"].split("//")[-1].rsplit(":", 1)
        self.mqtt_port = int(port)

    def tail(self, lines=40):
        self.log.flush()
        return "\n".join((self.folder / "log.txt").read_text(errors="replace").splitlines()[-lines:])

    def call(self, method, path, body=None, user="admin", password=PASSWORD, raw=False, headers=()):
        data = body if isinstance(body, (bytes, type(None))) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=dict(headers))
        if user:
            request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
        if data is not None and not request.has_header("Content-type"):
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None
        return text if raw else json.loads(text) if text else None

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, {} if body is None else body, **options)

    def put(self, plural, name, spec, **options):
        return self.call("PUT", f"/api/v1/{plural}/{urllib.parse.quote(name, safe='')}", {"spec": spec}, **options)

    def read(self, tag, start, end, **query):
        asked = urllib.parse.urlencode({"tag": tag, "from": start, "to": end, **query}, doseq=True)
        series = self.get(f"/api/v1/read?{asked}")["series"]
        return series[0]["rows"] if series else []

    def last(self, tag):
        """[value, quality] of the newest reading, None while there is none."""
        try:
            series = self.get(f"/api/v1/last?tag={urllib.parse.quote(tag)}")["series"]
        except Refused as error:
            if error.status != 404:
                raise
            return None
        return series[0]["rows"][0][1:] if series and series[0]["rows"] else None

    def credential(self, device):
        return self.post(f"/api/v1/devices/{urllib.parse.quote(device, safe='')}:credential")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"still running 60 s after SIGTERM:\n{self.tail()}") from None
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(f"--- the program's last lines\n{self.tail()}", file=sys.stderr)
        self.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def simple_type(program, name="sensor", properties=(("temperature", "number", "degC"),), user="admin", password=PASSWORD):
    program.put("device_types", name, {"title_en": name, "title_zh": name, "properties": [
        {"name": p, "type": t, "unit": u} for p, t, u in properties]}, user=user, password=password)


class HttpServer(http.server.ThreadingHTTPServer):
    """A machine that is asked by HTTP, on 127.0.0.1. Hangs up on whoever it talks to when it ends, as one that loses its power
    does. Port 0: any."""
    daemon_threads = True

    def __init__(self, port, handler):
        self.links = []
        super().__init__(("127.0.0.1", port), handler)

    def begin(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, request, client_address):
        """Who asked has hung up: that is what is tried here."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def process_request(self, request, client_address):
        self.links.append(request)
        super().process_request(request, client_address)

    def end(self):
        self.shutdown()
        self.server_close()
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended already
                pass
