#!/usr/bin/env python3
"""The program beside a CNC machine behind an agent of MTConnect: one in a few lines over Python's own HTTP server, which shares no code with ours. Nothing
between two questions is lost, also what was observed in an outage; after each cut readings come back by themselves with the gap marked.

    mtconnect_test.py [--cycles 3]
"""
import argparse
import datetime
import http.server
import pathlib
import sys
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import HttpServer, Program, wait_for  # noqa: E402
from rtu_test import cycles, few, on_the_way, status  # noqa: E402

NAMES = {"x1": ("Samples", "Position", "Xact"), "e1": ("Events", "Execution", "execution"), "l1": ("Events", "Line", "line"), "c1": ("Condition", None, "system"),
         "n1": ("Events", "PartCount", "parts"), "p1": ("Events", "Program", "program")}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.agent.answer(self.path).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Keeping(Handler):
    protocol_version = "HTTP/1.1"


class Agent:
    def __init__(self, handler):
        self.handler, self.port, self.instance, self.lock = handler, 0, 1_000, threading.Lock()
        self.kept = []
        for item, value in (("e1", "READY"), ("l1", "12"), ("c1", ("Normal", "", "")), ("p1", "O<1>"), ("x1", "1.5"), ("n1", "0")):
            self.observe(item, value)
        self.on()
        threading.Thread(target=self.count, daemon=True).start()

    def on(self):
        self.server = HttpServer(self.port, self.handler)
        self.server.agent = self
        self.port = self.server.server_port
        self.server.begin()

    def off(self):
        self.server.end()

    def observe(self, item, value):
        with self.lock:
            self.kept.append((item, value, datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")))

    def count(self):
        for number in range(1, 10**9):
            time.sleep(0.2)
            self.observe("n1", str(number))

    def element(self, number):
        item, value, stamp = self.kept[number - 1]
        part, name, text = NAMES[item]
        attributes = f'dataItemId="{item}" name="{text}" sequence="{number}" timestamp="{stamp}"'
        if part == "Condition":
            level, code, words = value
            return f'<Condition><{level} {attributes} nativeCode="{code}" type="SYSTEM">{escape(words)}</{level}></Condition>'
        return f"<{part}><{name} {attributes}>{escape(value)}</{name}></{part}>"

    def answer(self, path):
        asked = urllib.parse.urlparse(path)
        with self.lock:
            last = len(self.kept)
            numbers, following = [], last + 1
            if asked.path == "/VMC/current":
                newest = {item: number for number, (item, _, _) in enumerate(self.kept, 1)}
                numbers = sorted(newest.values())
            elif asked.path == "/VMC/sample":
                query = urllib.parse.parse_qs(asked.query)
                begin = int(query["from"][0])
                if not 1 <= begin <= last + 1:
                    return '<MTConnectError><Errors><Error errorCode="OUT_OF_RANGE">from</Error></Errors></MTConnectError>'
                numbers = range(begin, min(last + 1, begin + int(query["count"][0])))
                following = begin + len(numbers)
            else:
                return f'<MTConnectError><Errors><Error errorCode="NO_DEVICE">Could not find {escape(asked.path)}</Error></Errors></MTConnectError>'
            return (f'<?xml version="1.0"?><MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:1.8"><Header instanceId="{self.instance}" firstSequence="1" '
                    f'lastSequence="{last}" nextSequence="{following}"/><Streams><DeviceStream name="VMC" uuid="1"><ComponentStream component="Path" componentId="p">'
                    + "".join(map(self.element, numbers)) + "</ComponentStream></DeviceStream></Streams></MTConnectStreams>")


PROPERTIES = [("state", "text", {"at": "e1, system", "as": "run_state"}), ("line", "integer", {"at": "line"}), ("program", "text", {"at": "VMC:program"}),
              ("x", "number", {"at": "x1", "scale": 10}), ("alarm", "text", {"at": "system", "as": "text"}), ("parts", "integer", {"at": "parts"})]


def check(program, name, handler, count):
    agent = Agent(handler)
    program.put("connections", name, {"protocol": "mtconnect", "host": "127.0.0.1", "port": agent.port, "agent_device": "VMC"})
    program.put("devices", f"site/{name}", {"type": "machine", "connection": name})

    def value_of(tag, want):
        wait_for(f"{name}.{tag} is {want}", lambda: program.last(f"site/{name}.{tag}") == want, 30)
    for tag, want in (("state", "idle"), ("line", 12), ("program", "O<1>"), ("x", 15)):
        value_of(tag, [want, "good"])
    for line in range(13, 60):
        agent.observe("l1", str(line))
    agent.observe("e1", "ACTIVE")
    agent.observe("c1", ("Fault", "1042", "Door | open"))
    value_of("state", ["alarm", "good"])
    value_of("alarm", ["Door | open", "good"])
    agent.observe("c1", ("Normal", "", ""))
    value_of("state", ["run", "good"])
    value_of("line", [59, "good"])
    lines = [value for _, value, _ in program.read(f"site/{name}.line", 0, time.time_ns() + 10**9)]
    assert lines == list(range(12, 60)), lines
    report = program.post(f"/api/v1/connections/{name}:test")
    assert report["ok"] and len(report["values"]) == len(PROPERTIES), report

    agent.off()
    wait_for("the outage", lambda: program.last(f"site/{name}.line")[1] == "bad:disconnected")
    agent.observe("l1", "77")
    agent.on()
    value_of("line", [77, "good"])
    value_of("x", [15, "good"])
    agent.off()
    with agent.lock:
        agent.instance, agent.kept = agent.instance + 1, agent.kept[-1:]
    for item, value in (("e1", "READY"), ("l1", "5"), ("c1", ("Normal", "", "")), ("p1", "O2"), ("x1", "UNAVAILABLE")):
        agent.observe(item, value)
    agent.on()
    value_of("line", [5, "good"])
    wait_for("no value", lambda: program.last(f"site/{name}.x")[1] == "bad:silent")
    agent.observe("x1", "2")
    value_of("x", [20, "good"])
    cycles(program, f"{name}: an agent", f"site/{name}.parts", count, agent.off, agent.on)
    on_the_way(program, f"{name}: an agent", name, f"site/{name}.parts", agent.port, few(count), tells_later=True)

    program.put("connections", name, {"protocol": "mtconnect", "host": "127.0.0.1", "port": agent.port, "agent_device": "LATHE"})
    wait_for("the agent's own words", lambda: "Could not find /LATHE/current" in status(program, name)["last_error"])
    agent.off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    options = parser.parse_args()
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        program.put("device_types", "machine", {"properties": [{"name": name, "type": kind, "point": point} for name, kind, point in PROPERTIES]})
        for name, handler in (("keeping", Keeping), ("closing", Handler)):
            check(program, name, handler, options.cycles)
    print("a CNC machine is had through an agent, and nothing is lost between two questions")


if __name__ == "__main__":
    main()
