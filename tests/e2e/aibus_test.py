#!/usr/bin/env python3
"""The program beside temperature controllers by AIBUS, a few lines of Python after the maker's protocol paper that share no code with the program: three of them
behind a serial server, two on a pseudo-terminal whose adapter sends back what it is sent. Read, written within limits and read back, refused, cut and back.

    aibus_test.py [--cycles 5]
"""
import argparse
import os
import pathlib
import select
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from drivers_test import Server, machine, tested, value_of, written  # noqa: E402
from harness import Program, Refused, wait_for  # noqa: E402
from rtu_test import Line, cycles, status  # noqa: E402


class Controllers:
    """AI instruments with dPt 1: 250 is 25.0. Parameter 00H is the set point, 01H HIAL, 02H LoAL, 0CH dPt."""

    def __init__(self, *addresses):
        self.all = {address: {"pv": 200 + address, "mv": 40, "status": 0x60, "parameters": {0: 300, 1: 500, 2: -100, 0x0C: 1}} for address in addresses}
        self.locked = False

    def one(self, first, code, parameter, value):
        controller = self.all.get(first - 0x80)
        if controller is None:
            return b""
        known = controller["parameters"]
        if code == 0x43 and parameter in known and not self.locked:
            known[parameter] = value
        body = struct.pack("<hhbBh", controller["pv"], known[0], controller["mv"], controller["status"], known.get(parameter, 0x7F7F))
        return body + struct.pack("<H", (sum(struct.unpack("<4H", body)) + first - 0x80) & 0xFFFF)

    def answer(self, held):
        back = b""
        while len(held) >= 8:
            first, again, code, parameter, value, total = struct.unpack("<BBBBhH", held[:8])
            right = (parameter * 256 + code + (value if code == 0x43 else 0) + first - 0x80) & 0xFFFF
            assert first == again and code in (0x52, 0x43) and total == right and (code == 0x43 or value == 0), held[:8].hex()
            held, back = held[8:], back + self.one(first, code, parameter, value)
        return held, back


class Echoing(threading.Thread):
    """The same on a line whose adapter hears itself."""

    def __init__(self, controllers):
        super().__init__(daemon=True)
        self.line, self.controllers = Line(), controllers

    def run(self):
        held = b""
        while True:
            if not select.select([self.line.far], [], [], 0.1)[0]:
                continue
            data = os.read(self.line.far, 4096)
            os.write(self.line.far, data)
            held, back = self.controllers.answer(held + data)
            os.write(self.line.far, back)


WRITABLE = {"writable": True, "unit": "degC", "min": 0, "max": 400}
PROPERTIES = [("temperature", "number", {"at": "PV", "scale": 0.1}, {"unit": "degC"}), ("setpoint", "number", {"at": "SV", "scale": 0.1}, WRITABLE),
              ("output", "integer", {"at": "MV"}, {"unit": "percent"}), ("high", "number", {"at": "HIAL", "scale": 0.1}, WRITABLE),
              ("alarm", "boolean", {"at": "alarm.HIAL"}, {})]


def refused_write(program, device, key, value, why):
    try:
        program.post(f"/api/v1/devices/site%2F{device}:write", {"property": key, "value": value, "reason": "test"})
    except Refused as error:
        assert why in error.body, error.body
        return
    raise AssertionError(f"{device}.{key} = {value} was taken")


def behind_a_server(program, count):
    controllers = Controllers(1, 2, 80)
    line = Server(controllers.answer)
    machine(program, "oven", {"protocol": "aibus_tcp", "host": "127.0.0.1", "port": line.port, "writes_enabled": True}, PROPERTIES)
    for name, station in (("second", "2"), ("last", "80"), ("absent", "7")):
        program.put("devices", f"site/{name}", {"type": "oven", "connection": "oven", "station": station})
    for device, want in (("oven", 20.1), ("second", 20.2), ("last", 28.0)):
        value_of(program, f"site/{device}.temperature", [want, "good"])
        value_of(program, f"site/{device}.setpoint", [30.0, "good"])
        value_of(program, f"site/{device}.high", [50.0, "good"])
    value_of(program, "site/oven.output", [40, "good"])
    value_of(program, "site/oven.alarm", [False, "good"])
    wait_for("the one that is not there", lambda: (program.last("site/absent.temperature") or ["", ""])[1] == "bad:timeout")
    assert "no answer from instrument 7" in status(program, "oven")["last_error"], status(program, "oven")

    written(program, "oven", "setpoint", 35.5)
    written(program, "last", "high", 120)
    assert controllers.all[1]["parameters"][0] == 355 and controllers.all[80]["parameters"][1] == 1200, controllers.all
    assert controllers.all[2]["parameters"] == {0: 300, 1: 500, 2: -100, 0x0C: 1}, "a neighbour was written"
    value_of(program, "site/oven.setpoint", [35.5, "good"])
    refused_write(program, "oven", "setpoint", 401, "400")
    refused_write(program, "oven", "setpoint", 35.55, "cannot be written exactly")
    controllers.locked = True
    result = program.post("/api/v1/devices/site%2Foven:write", {"property": "setpoint", "value": 60, "reason": "test"})
    assert not result["done"] and "it reads back 35.5 instead of 60" in result["error"], result
    controllers.locked = False

    controllers.all[1].update(pv=-15, status=0x61)
    value_of(program, "site/oven.temperature", [-1.5, "good"])
    value_of(program, "site/oven.alarm", [True, "good"])
    controllers.all[1].update(pv=13000, status=0x70)
    value_of(program, "site/oven.temperature", [1300.0, "uncertain:sensor"])
    program.put("devices", "site/odd", {"type": "oven", "connection": "oven", "station": "2",
                                        "properties": [{"name": "high", "point": {"at": "1BH"}}]})
    wait_for("a parameter that it has not", lambda: (program.last("site/odd.high") or ["", ""])[1] == "bad:refused")
    value_of(program, "site/odd.temperature", [20.2, "good"])
    cycles(program, "AIBUS", "site/second.temperature", count, line.off, line.on)
    line.off()
    for device in ("oven", "second", "last", "absent", "odd"):
        program.call("DELETE", f"/api/v1/devices/site%2F{device}")
    program.call("DELETE", "/api/v1/connections/oven")


def on_a_line(program):
    controllers = Controllers(1, 12)
    line = Echoing(controllers)
    line.start()
    machine(program, "kiln", {"protocol": "aibus_serial", "serial_port": line.line.path, "writes_enabled": True}, PROPERTIES)
    program.put("devices", "site/drier", {"type": "kiln", "connection": "kiln", "station": "12"})
    value_of(program, "site/kiln.temperature", [20.1, "good"])
    value_of(program, "site/drier.temperature", [21.2, "good"])
    tested(program, "kiln", {f"site/{device}.{key}": value for device, pv in (("kiln", 20.1), ("drier", 21.2))
                             for key, value in (("temperature", pv), ("setpoint", 30.0), ("output", 40), ("high", 50.0), ("alarm", False))})
    written(program, "drier", "setpoint", 41)
    assert controllers.all[12]["parameters"][0] == 410 and controllers.all[1]["parameters"][0] == 300, controllers.all
    assert status(program, "kiln")["counters"]["malformed"] == 0, status(program, "kiln")
    controllers.all.clear()
    wait_for("only echoes", lambda: "only the request itself came back" in (status(program, "kiln")["last_error"] or ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=5)
    options = parser.parse_args()
    began = time.monotonic()
    with Program(args=["--allow-target", "127.0.0.1", "--allow-target", "/dev/pts/*"]) as program:
        behind_a_server(program, options.cycles)
        on_a_line(program)
    print(f"AIBUS: controllers behind a serial server and on a line are read, written and come back by themselves ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
