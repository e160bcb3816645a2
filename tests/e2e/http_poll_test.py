#!/usr/bin/env python3
"""The program asks machines by HTTP: Python's own server, keeping the link and closing it after each answer, with and without a length. Values come, wrong
answers are told, and after each cut readings come back by themselves with the gap marked.

    http_poll_test.py [--cycles 3]
"""
import argparse
import http.server
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import HttpServer, Program, wait_for  # noqa: E402
from rtu_test import cycles, status  # noqa: E402


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


class Meter:
    """A small meter with a web page: /status, and /channel/N for each of its channels."""

    def __init__(self, handler, says_length=True):
        self.handler, self.says_length = handler, says_length
        self.port, self.wrong, self.began = 0, {}, time.monotonic()
        self.on()

    def on(self):
        self.server = HttpServer(self.port, self.handler)
        self.server.meter, self.server.asked = self, []
        self.port = self.server.server_port
        self.server.begin()

    def off(self):
        self.server.end()

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
    meter.off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    options = parser.parse_args()
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        program.put("device_types", "web_meter", {"properties": [{"name": name, "type": kind, "point": point} for name, kind, point in PROPERTIES]})
        for name, meter in (("keeping", Meter(Keeping)), ("closing", Meter(Handler)), ("endless", Meter(Handler, says_length=False))):
            check_meter(program, name, meter, options.cycles)
    print("machines are asked by HTTP, and come back by themselves")


if __name__ == "__main__":
    main()
