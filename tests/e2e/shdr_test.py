#!/usr/bin/env python3
"""The program beside a CNC machine: an adapter of MTConnect in a few lines of Python that share no code with ours speaks SHDR. It is heard, tested, cut
again and again, and frozen: readings come back by themselves, and the gap is marked.

    shdr_test.py [--cycles 3]
"""
import argparse
import datetime
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, wait_for  # noqa: E402
from rtu_test import cycles, few, on_the_way, status  # noqa: E402


def stamp(ahead=0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Adapter:
    """Says all it knows to whoever connects, and then what changes; answers pings. Frozen, it does neither."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.known = {"avail": "AVAILABLE", "execution": "READY", "line": "12", "program": "O1234", "Xpos": "1.5"}
        self.links, self.frozen, self.listener = [], False, None
        self.pings = 0
        self.on()
        threading.Thread(target=self.count, daemon=True).start()

    def on(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def off(self):
        self.hang_up(self.listener)
        self.drop()

    def drop(self):
        links, self.links = self.links, []
        for link in links:
            self.hang_up(link)

    @staticmethod
    def hang_up(end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()

    def serve(self, listener):
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    def talk(self, link):
        held = b""
        try:
            if not self.frozen:
                link.sendall(b"* adapterVersion: 1.0\n" + "".join(f"{stamp()}|{key}|{value}\n" for key, value in self.known.items()).encode())
            while data := link.recv(4096):
                held += data
                while b"\n" in held:
                    line, held = held.split(b"\n", 1)
                    if line.strip() == b"* PING" and not self.frozen:
                        self.pings += 1
                        link.sendall(b"* PONG 1000\n")
        except OSError:
            pass

    def say(self, text):
        if self.frozen:
            return
        for link in list(self.links):
            try:
                link.sendall(text.encode() + b"\r\n")
            except OSError:
                pass

    def set(self, **values):
        self.known.update(values)
        self.say(stamp() + "".join(f"|{key}|{value}" for key, value in values.items()))

    def count(self):
        for number in range(10**9):
            time.sleep(0.2)
            self.known["count"] = str(number)
            self.say(f"{stamp()}|count|{number}")


PROPERTIES = [
    ("state", "text", {"at": "execution, system", "as": "run_state"}), ("line", "integer", {"at": "line"}), ("program", "text", {"at": "program"}),
    ("x", "number", {"at": "Xpos", "scale": 10}), ("alarm", "text", {"at": "system", "as": "text"}), ("count", "integer", {"at": "count"})]


def value_of(program, tag, want):
    wait_for(f"{tag} is {want}", lambda: program.last(tag) == want, 30)


def cnc(program, count):
    adapter = Adapter()
    program.put("connections", "lathe", {"protocol": "shdr", "host": "127.0.0.1", "port": adapter.port})
    program.put("device_types", "lathe", {"properties": [{"name": name, "type": kind, "point": point} for name, kind, point in PROPERTIES]})
    program.put("devices", "site/lathe", {"type": "lathe", "connection": "lathe"})
    value_of(program, "site/lathe.state", ["idle", "good"])
    value_of(program, "site/lathe.line", [12, "good"])
    value_of(program, "site/lathe.program", ["O1234", "good"])
    value_of(program, "site/lathe.x", [15, "good"])

    adapter.set(execution="ACTIVE", line="13")
    value_of(program, "site/lathe.state", ["run", "good"])
    value_of(program, "site/lathe.line", [13, "good"])
    adapter.say(stamp() + '|system|FAULT|1042|9||"Door \\| open"')
    value_of(program, "site/lathe.state", ["alarm", "good"])
    value_of(program, "site/lathe.alarm", ["Door | open", "good"])
    adapter.say(stamp() + "|system|NORMAL|1042|||")
    value_of(program, "site/lathe.state", ["run", "good"])
    adapter.set(line="UNAVAILABLE", execution="UNAVAILABLE")
    wait_for("no value", lambda: program.last("site/lathe.line")[1] == "bad:silent")
    value_of(program, "site/lathe.state", ["off", "good"])
    adapter.set(line="14", execution="READY")
    adapter.say(stamp(3600) + "|program|O9")
    value_of(program, "site/lathe.program", ["O9", "uncertain:clock"])
    adapter.say(stamp() + "|@ASSET@|T1|CuttingTool|--multiline--A7\n<CuttingTool>\n|line|99\n--multiline--A7")
    adapter.say("what is this")
    wait_for("a broken line is told", lambda: "is no time" in status(program, "lathe")["last_error"])
    assert program.last("site/lathe.line") == [14, "good"], program.last("site/lathe.line")
    assert status(program, "lathe")["counters"]["malformed"] == 1, status(program, "lathe")

    adapter.known["system"] = "NORMAL||||"
    report = program.post("/api/v1/connections/lathe:test")
    assert report["ok"] and len(report["values"]) == len(PROPERTIES), report
    before = adapter.pings
    wait_for("its heartbeat", lambda: adapter.pings > before + 2)

    cycles(program, "a CNC machine", "site/lathe.count", count, adapter.off, adapter.on)

    def freeze():
        adapter.frozen = True

    def thaw():
        adapter.frozen = False
        adapter.drop()
    cycles(program, "an adapter that hangs", "site/lathe.count", 1, freeze, thaw)
    value_of(program, "site/lathe.line", [14, "good"])
    on_the_way(program, "a CNC machine", "lathe", "site/lathe.count", adapter.port, few(count))
    adapter.off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    options = parser.parse_args()
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        cnc(program, options.cycles)
    print("a CNC machine is heard, and comes back by itself")


if __name__ == "__main__":
    main()
