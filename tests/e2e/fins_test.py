#!/usr/bin/env python3
"""Omron FINS from two sides: the simulated PLC (made of our own codec) is asked by npm omron-fins over TCP and UDP, then read and written by the program,
cut again and again, and asked for what it refuses.

    fins_test.py SIM_FINS_SERVER [--cycles 5]
"""
import argparse
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from drivers_test import Process, machine, tested, value_of, written  # noqa: E402
from harness import Program, Refused, wait_for  # noqa: E402
from rtu_test import cycles, status  # noqa: E402

CLIENTS = pathlib.Path(__file__).parents[1] / "clients"


@contextlib.contextmanager
def plc(server, way):
    running = Process(server, way)
    try:
        yield json.loads(running.first)["port"]
    finally:
        running.off()


def thirds(first, count):
    return [(first + i) % 3 == 0 for i in range(count)]


def of_others(server):
    expected = {"D0": [0, 3, 6, 9, 12], "D100": [300], "D200": [i * 3 for i in range(200, 300)], "CIO10": [0x21], "CIO10.0": [True, False, False, False, False, True],
                "W0.0": thirds(0, 50), "W1": [0x4924], "H5": [77], "A448": [9], "E0_100": [1234], "T5": [500], "T5.x": [True], "C5": [55], "C5.x": [False],
                "D500": [0, 0x41CC]}
    write = {"D600": [1234], "D610": [1, 2, -5], "W30.4": [True, False, True], "CIO100": [7], "H9": [99], "E0_200": [5, 6]}
    for protocol in ("tcp", "udp"):
        with plc(server, protocol) as port:
            how = {"protocol": protocol, "read": {**{address: len(values) for address, values in expected.items()}, "D9000": 1, "D8999": 3}, "write": write}
            env = {**os.environ, "FINS": json.dumps(how), "PORT": str(port)}
            done = subprocess.run(["node", str(CLIENTS / "fins_client.cjs")], capture_output=True, text=True, timeout=120, env=env)
            assert done.returncode == 0, (protocol, done.stdout[-2000:], done.stderr[-2000:])
            told = json.loads(done.stdout.splitlines()[-1])
            for address, values in expected.items():
                assert told["read"][address] == values, (protocol, address, told["read"][address], values)
            for address in ("D9000", "D8999"):
                assert told["read"][address].startswith("refused 1103"), (protocol, told["read"][address])
            for address, values in write.items():
                assert told["written"][address] is True and told["back"][address] == values, (protocol, address, told)


class Silent:
    """A port that takes connections and says nothing, or what it is told to."""

    def __init__(self, says=b""):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.says, self.links = self.listener.getsockname()[1], says, []
        import threading
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            link, _ = self.listener.accept()
            self.links.append(link)
            if self.says:
                link.recv(100)
                link.sendall(self.says)


def by_the_program(program, server, count):
    running = Process(server, "tcp")
    port = json.loads(running.first)["port"]
    writable = {"writable": True}
    machine(program, "press", {"protocol": "fins", "host": "127.0.0.1", "port": port, "writes_enabled": True}, [
        ("count", "integer", {"at": "D100"}, writable), ("level", "number", {"at": "D500", "as": "f32"}, writable), ("tenths", "number", {"at": "D120", "scale": 0.1}, {}),
        ("on", "boolean", {"at": "CIO10.05"}, writable), ("off", "boolean", {"at": "10.04"}, {}), ("work", "boolean", {"at": "W0.03"}, {}),
        ("kept", "integer", {"at": "H5"}, {}), ("own", "integer", {"at": "A448"}, {}), ("bank", "integer", {"at": "E0_100"}, {}),
        ("timer", "integer", {"at": "T5"}, {}), ("timed_out", "boolean", {"at": "T5"}, {}), ("counter", "integer", {"at": "C5"}, {}),
        ("name", "text", {"at": "D700", "as": "text[8]"}, writable), ("total", "integer", {"at": "D800", "as": "u32"}, writable)])
    expected = {"count": 300, "level": 25.5, "tenths": 36.0, "on": True, "off": False, "work": True, "kept": 77, "own": 9, "bank": 1234, "timer": 500,
                "timed_out": True, "counter": 55}
    for key, value in expected.items():
        value_of(program, f"site/press.{key}", [value, "good"])
    written(program, "press", "count", 1234)
    written(program, "press", "level", -2.25)
    written(program, "press", "on", False)
    written(program, "press", "name", "LOT 42")
    written(program, "press", "total", 4000000000)
    tested(program, "press", {f"site/press.{key}": value for key, value in
                              {**expected, "count": 1234, "level": -2.25, "on": False, "name": "LOT 42", "total": 4000000000}.items()})
    # One place that the PLC has not takes its neighbours along only until they are asked apart.
    program.put("device_types", "odd", {"properties": [{"name": name, "type": "integer", "point": {"at": at}} for name, at in
                                                       (("before", "D8999"), ("missing", "D9000"), ("after", "D9001"))]})
    program.put("devices", "site/odd", {"type": "odd", "connection": "press"})
    wait_for("the one that is missing", lambda: (program.last("site/odd.missing") or ["", ""])[1] == "bad:refused")
    value_of(program, "site/odd.before", [0, "good"])
    value_of(program, "site/odd.after", [0, "good"])
    assert "end code 1103, the address is outside of the area" in status(program, "press")["last_error"], status(program, "press")
    program.call("DELETE", "/api/v1/devices/site%2Fodd")

    def on():  # it picks another port, as after a change of address
        running.on()
        program.call("PATCH", "/api/v1/connections/press", {"port": json.loads(running.first)["port"]})
    cycles(program, "FINS", "site/press.level", count, running.off, on)
    running.off()


def who_is_no_plc(program):
    for name, says, why in (("silent", b"", "the PLC does not greet within"), ("web", b"HTTP/1.1 400 Bad Request\r\n\r\n", "this is not FINS/TCP"),
                            ("full", bytes.fromhex("46494e53 00000010 00000001 00000020 00000000 00000000"), "all its connections are in use")):
        machine(program, name, {"protocol": "fins", "host": "127.0.0.1", "port": Silent(says).port}, [("a", "integer", {"at": "D0"}, {})])
        wait_for(f"{name}: {why}", lambda name=name, why=why: why in (status(program, name)["last_error"] or ""))
    try:
        program.put("device_types", "press", {"properties": [{"name": "a", "type": "integer", "point": {"at": "X5"}}]})
    except Refused as error:
        assert "the area is not known" in error.body, error.body
    else:
        raise AssertionError("an address that is none was taken")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--cycles", type=int, default=5)
    options = parser.parse_args()
    of_others(options.server)
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        by_the_program(program, options.server, options.cycles)
        who_is_no_plc(program)
    print("FINS: omron-fins and the program read and write the simulated PLC, and links come back by themselves")


if __name__ == "__main__":
    main()
