#!/usr/bin/env python3
"""The program beside machines of several makes: Siemens by Snap7's own server, Mitsubishi by our simulated PLC (which clients of others have tried, see
melsec_test.py), electricity meters and scales by a few lines of Python that share no code with ours. Each is read, written where it can be, tested, and cut
again and again: readings come back by themselves, and the gap is marked.

    drivers_test.py SIM_MELSEC_SERVER FOLDER_FOR_SNAP7 [--cycles 6]
"""
import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import tty

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, wait_for  # noqa: E402
from rtu_test import cycles, few, on_the_way, status  # noqa: E402
from s7_test import build_snap7  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A machine that is a program: its power is cut by ending it."""

    def __init__(self, *command):
        self.command = [str(part) for part in command]
        self.on()

    def on(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()
        assert self.first, f"{self.command[0]} ended with {self.process.wait(10)}"

    def off(self):
        self.process.kill()
        self.process.wait(20)


class Server:
    """A serial server with something behind it: one TCP connection at a time, `answer(bytes)` gives what goes back."""

    def __init__(self, answer):
        self.answer, self.link, self.listener = answer, None, None
        self.port = free_port()
        self.on()

    def on(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def off(self):
        for end in (self.listener, self.link):
            if end is not None:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()
        self.listener = self.link = None

    def serve(self, listener):
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            self.link = link
            threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    def talk(self, link):
        held = b""
        try:
            while data := link.recv(4096):
                held, back = self.answer(held + data)
                if back:
                    link.sendall(back)
        except OSError:
            pass


class Meters:
    """DL/T 645-2007 as its text has it, for two meters."""

    VALUES = {0x00010000: bytes([0x78, 0x56, 0x34, 0x12]), 0x02010100: bytes([0x01, 0x22])}  # 123456.78 kWh, 220.1 V

    def __init__(self, numbers):
        self.numbers = {bytes.fromhex(number)[::-1]: step for step, number in enumerate(numbers)}

    def answer(self, held):
        while held and held[0] != 0x68:
            held = held[1:]
        if len(held) < 12 or len(held) < 12 + held[9]:
            return held, b""
        frame, held = held[:12 + held[9]], held[12 + held[9]:]
        assert frame[7] == 0x68 and frame[-1] == 0x16 and sum(frame[:-2]) % 256 == frame[-2], frame.hex()
        address, control = frame[1:7], frame[8]
        data = bytes((byte - 0x33) % 256 for byte in frame[10:-2])
        if address not in self.numbers or control != 0x11:
            return held, b""
        value = self.VALUES.get(int.from_bytes(data[:4], "little"))
        control, data = (0x91, data[:4] + value) if value is not None else (0xD1, b"\x02")
        back = b"\x68" + address + b"\x68" + bytes([control, len(data)]) + bytes((byte + 0x33) % 256 for byte in data)
        return held, b"\xfe\xfe" + back + bytes([sum(back) % 256, 0x16])


def sics(held):
    """A scale that is asked SI."""
    back = b""
    while b"\r\n" in held:
        line, held = held.split(b"\r\n", 1)
        back += b"S S     100.25 g\r\n" if line == b"SI" else b"ES\r\n"
    return held, back


class Gauge:
    """A gauge on a serial line that prints by itself, ten times a second."""

    def __init__(self):
        self.far, self.near = os.openpty()
        for end in (self.far, self.near):
            tty.setraw(end)
        self.path = os.ttyname(self.near)
        self.speaks = True
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        for number in range(10**9):
            time.sleep(0.1)
            if self.speaks:
                os.write(self.far, b"01A+%09.3f\r\n" % (12.345 + number % 10))


def value_of(program, tag, want, seconds=30):
    wait_for(f"{tag} is {want}", lambda: program.last(tag) == want, seconds)


def machine(program, name, connection, properties, device=None):
    program.put("connections", name, {"period_ms": 200, "timeout_ms": 500, **connection})
    program.put("device_types", name, {"properties": [
        {"name": key, "type": kind, "point": point, **more} for key, kind, point, more in properties]})
    program.put("devices", f"site/{name}", {"type": name, "connection": name, **(device or {})})


def tested(program, name, wanted):
    report = program.post(f"/api/v1/connections/{name}:test")
    assert report["ok"], report
    values = {item["tag"]: item["value"] for item in report["values"]}
    assert values == wanted, values


def written(program, name, key, value):
    result = program.post(f"/api/v1/devices/site%2F{name}:write", {"property": key, "value": value, "reason": "test"})
    assert result["done"] and result["read_back"] == value, result


def siemens(program, folder, count):
    port = free_port()
    cpu = Process(build_snap7(folder), "serve", port)
    writable = {"writable": True}
    machine(program, "s7", {"protocol": "s7", "host": "127.0.0.1", "port": port, "plc": "s7_300", "writes_enabled": True}, [
        ("pressure", "number", {"at": "DB2.DBD0", "as": "real"}, {}), ("recipe", "text", {"at": "DB2.DBB12", "as": "string[10]"}, {}),
        ("running", "boolean", {"at": "M0.1"}, {}), ("missing", "integer", {"at": "DB9.DBW0", "as": "int"}, {}),
        ("tenths", "number", {"at": "DB1.DBW254", "as": "uint", "scale": 0.1}, {}),
        ("target", "number", {"at": "DB2.DBD40", "as": "real"}, writable), ("on", "boolean", {"at": "DB2.DBX44.5"}, writable)])
    value_of(program, "site/s7.pressure", [25.5, "good"])
    value_of(program, "site/s7.recipe", ["O102", "good"])
    value_of(program, "site/s7.running", [True, "good"])
    value_of(program, "site/s7.tenths", [6527.9, "good"])
    wait_for("one bad address", lambda: (program.last("site/s7.missing") or ["", ""])[1] == "bad:refused")
    assert "there is no such data block" in status(program, "s7")["last_error"], status(program, "s7")
    written(program, "s7", "target", 7.75)
    written(program, "s7", "on", True)
    report = program.post("/api/v1/connections/s7:test")
    assert not report["ok"] and sum(item["quality"] == "good" for item in report["values"]) == 6, report
    cycles(program, "S7", "site/s7.pressure", count, cpu.off, cpu.on)
    on_the_way(program, "S7", "s7", "site/s7.pressure", port, few(count))
    cpu.off()
    program.call("DELETE", "/api/v1/devices/site%2Fs7")
    program.call("DELETE", "/api/v1/connections/s7")


def mitsubishi(program, server, count):
    for frame, family in (("3E", "q_l"), ("4E", "iq_r"), ("1E", "fx3")):
        plc = Process(server, "tcp", frame, "binary", family)
        name = "mc" + frame.lower()
        machine(program, name, {"protocol": "mc", "host": "127.0.0.1", "port": json.loads(plc.first)["port"], "frame": frame, "family": family,
                                "writes_enabled": True}, [
            ("count", "integer", {"at": "D100"}, {"writable": True}), ("level", "number", {"at": "D500", "as": "f32"}, {}),
            ("valve", "boolean", {"at": "M102"}, {"writable": True}), ("bit", "boolean", {"at": "D3.0"}, {})])
        value_of(program, f"site/{name}.count", [300, "good"])
        value_of(program, f"site/{name}.level", [25.5, "good"])
        value_of(program, f"site/{name}.valve", [True, "good"])
        tested(program, name, {f"site/{name}.count": 300, f"site/{name}.level": 25.5, f"site/{name}.valve": True, f"site/{name}.bit": True})
        written(program, name, "count", 1234)
        written(program, name, "valve", False)

        def on():  # it picks another port, as after a change of address
            plc.on()
            program.call("PATCH", f"/api/v1/connections/{name}", {"port": json.loads(plc.first)["port"]})
        cycles(program, f"MC {frame}", f"site/{name}.level", count if frame == "3E" else 2, plc.off, on)
        if frame == "3E":
            on_the_way(program, f"MC {frame}", name, f"site/{name}.level", json.loads(plc.first)["port"], few(count))
        plc.off()
        program.call("DELETE", f"/api/v1/devices/site%2F{name}")
        program.call("DELETE", f"/api/v1/connections/{name}")


def meters(program, count):
    line = Server(Meters(["000012345678", "000012345679"]).answer)
    properties = [("energy", "number", {"at": "forward_active_total"}, {}), ("voltage", "number", {"at": "02010100"}, {}),
                  ("current", "number", {"at": "02020100"}, {})]
    machine(program, "meters", {"protocol": "dlt645_tcp", "host": "127.0.0.1", "port": line.port}, properties, {"station": "12345678"})
    program.put("devices", "site/second", {"type": "meters", "connection": "meters", "station": "000012345679"})
    program.put("devices", "site/absent", {"type": "meters", "connection": "meters", "station": "000012345670"})
    for device in ("meters", "second"):
        value_of(program, f"site/{device}.energy", [123456.78, "good"])
        value_of(program, f"site/{device}.voltage", [220.1, "good"])
    wait_for("what it has not", lambda: (program.last("site/meters.current") or ["", ""])[1] == "bad:refused")
    wait_for("the meter that is not there", lambda: (program.last("site/absent.energy") or ["", ""])[1] == "bad:timeout")
    cycles(program, "DL/T 645", "site/second.energy", count, line.off, line.on)
    on_the_way(program, "DL/T 645", "meters", "site/second.energy", line.port, few(count))
    line.off()
    for device in ("meters", "second", "absent"):
        program.call("DELETE", f"/api/v1/devices/site%2F{device}")
    program.call("DELETE", "/api/v1/connections/meters")


SICS = r"""
frame: {by: end, end: '\r\n'}
poll: 'SI\r\n'
pattern: '^S (?P<status>[SDI+-])(?: +(?P<weight>-? *[0-9.]+) (?P<unit>\w+))?$'
fields:
  - {name: weight, group: weight, unit: g, unit_from: {group: unit}}
"""
PRINTS = r"""
frame: {by: end, end: '\r\n'}
pattern: '^01A(?P<size>[+-][0-9.]+)$'
fields:
  - {name: size, group: size, unit: mm}
"""


def scales(program, count):
    scale = Server(sics)
    machine(program, "scale", {"protocol": "frames_tcp", "host": "127.0.0.1", "port": scale.port, "layout": SICS},
            [("weight", "number", {"at": "weight"}, {"unit": "kg"})])
    value_of(program, "site/scale.weight", [0.10025, "good"])
    tested(program, "scale", {"site/scale.weight": 0.10025})
    cycles(program, "a scale that is asked", "site/scale.weight", count, scale.off, scale.on)
    on_the_way(program, "a scale that is asked", "scale", "site/scale.weight", scale.port, few(count))
    scale.off()

    gauge = Gauge()
    machine(program, "gauge", {"protocol": "frames_serial", "serial_port": gauge.path, "layout": PRINTS}, [("size", "number", {"at": "size"}, {"unit": "mm"})])
    wait_for("the gauge that prints", lambda: (program.last("site/gauge.size") or [0, ""])[1] == "good")
    report = program.post("/api/v1/connections/gauge:test")
    assert report["ok"] and report["values"][0]["value"] % 1 > 0.3, report
    before = status(program, "gauge")["counters"]["readings"]
    wait_for("it prints on", lambda: status(program, "gauge")["counters"]["readings"] > before + 5)
    gauge.speaks = False
    report = program.post("/api/v1/connections/gauge:test")
    assert not report["ok"] and "nothing came within" in report["steps"][-1]["detail"], report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sim_melsec")
    parser.add_argument("snap7_folder")
    parser.add_argument("--cycles", type=int, default=6)
    options = parser.parse_args()
    with Program(args=["--allow-target", "127.0.0.1", "--allow-target", "/dev/pts/*"]) as program:
        siemens(program, pathlib.Path(options.snap7_folder), options.cycles)
        mitsubishi(program, options.sim_melsec, options.cycles)
        meters(program, options.cycles)
        scales(program, options.cycles)
    print("Siemens, Mitsubishi, meters and scales are read, and come back by themselves")


if __name__ == "__main__":
    main()
