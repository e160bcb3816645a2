#!/usr/bin/env python3
"""Modbus RTU against Debian's pymodbus: on a pseudo terminal in the place of an RS-485 line, over TCP as serial servers
pass it on, and behind a small DTU that dials in. Each is cut again and again; each time readings come back by themselves,
and the gap is marked bad.

    rtu_test.py [--cycles 9]
"""
import argparse
import asyncio
import os
import pathlib
import select
import socket
import struct
import sys
import threading
import time
import tty

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, wait_for  # noqa: E402
from way import Way, newest, restarts  # noqa: E402

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext  # noqa: E402
from pymodbus.server.async_io import ModbusSerialServer  # noqa: E402
from pymodbus.transaction import ModbusRtuFramer  # noqa: E402


class Line:
    """A line of two ends: the platform opens `path`, what happens on it is read and written at `far`."""

    def __init__(self):
        self.far, self.near = os.openpty()
        for end in (self.far, self.near):
            tty.setraw(end)
        self.path = os.ttyname(self.near)

    def close(self):
        os.close(self.near)
        os.close(self.far)


class Machines(threading.Thread):
    """pymodbus serving RTU on a line of its own: units 1 and 2; unit 2 has a float at 10 and a limit at 30."""

    def __init__(self):
        super().__init__(daemon=True)
        self.line = Line()
        registers = [0] * 100
        registers[10:12] = struct.unpack(">HH", struct.pack(">f", 36.5))
        registers[20] = 1234
        self.units = {}
        for unit in (1, 2):
            self.units[unit] = ModbusSlaveContext(di=ModbusSequentialDataBlock(0, [False] * 16), co=ModbusSequentialDataBlock(0, [True] * 16),
                                                  hr=ModbusSequentialDataBlock(0, list(registers)), ir=ModbusSequentialDataBlock(0, [unit * 10] * 100),
                                                  zero_mode=True)
        self.ready = threading.Event()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        context = ModbusServerContext(slaves=self.units, single=False)
        server = ModbusSerialServer(context, framer=ModbusRtuFramer, port=self.line.path, baudrate=9600)
        await server.start()
        self.ready.set()
        await server.serve_forever()


class Wire(threading.Thread):
    """Carries the bytes between the machines' line and whoever holds the other end now; may be cut."""

    def __init__(self, machines):
        super().__init__(daemon=True)
        self.machines = machines.line.far
        self.peer = None  # a file descriptor
        self.lock = threading.Lock()
        self.heartbeat = b""

    def join_to(self, descriptor):
        with self.lock:
            self.peer = descriptor

    def run(self):
        while True:
            with self.lock:
                peer = self.peer
            try:
                ready, _, _ = select.select([self.machines] + ([peer] if peer is not None else []), [], [], 0.02)
            except (OSError, ValueError):  # it was cut just now
                continue
            for end in ready:
                with self.lock:  # who cuts it closes the descriptor afterwards, and it may soon be another one's
                    if end in (self.machines, self.peer) and select.select([end], [], [], 0)[0]:
                        self.carry(end)

    def carry(self, end):
        try:
            data = os.read(end, 4096)
        except OSError:
            data = b""
        try:
            if not data and end == self.peer:
                self.peer = None
            elif end != self.machines:
                os.write(self.machines, data)
            elif data and self.peer is not None:
                os.write(self.peer, self.heartbeat + data + self.heartbeat)
        except OSError:
            self.peer = None


class SerialServer:
    """A serial server: one TCP connection at a time, the bytes of the line as they are."""

    def __init__(self, wire):
        self.wire = wire
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.link = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            link, _ = self.listener.accept()
            self.wire.join_to(link.fileno())
            older, self.link = self.link, link
            if older:  # only now: the wire must never hold a descriptor that is closed
                older.close()

    def cut(self):
        self.wire.join_to(None)
        link, self.link = self.link, None
        if link:
            link.shutdown(socket.SHUT_RDWR)
            link.close()


class Dtu:
    """A gateway on 4G: dials in, says its packet, says a heartbeat now and then, passes RTU on."""

    def __init__(self, wire, address, packet, heartbeat):
        self.wire, self.address, self.packet, self.heartbeat = wire, address, packet, heartbeat
        self.link = None

    def dial(self):
        host, port = self.address.rsplit("/", 1)[-1].rsplit(":", 1)
        self.link = socket.create_connection((host, int(port)), 10)
        # In two pieces, as a slow network may carry it.
        self.link.sendall(self.packet[:3])
        time.sleep(0.05)
        self.link.sendall(self.packet[3:])
        self.wire.heartbeat = self.heartbeat
        self.wire.join_to(self.link.fileno())

    def hang_up(self):
        self.wire.join_to(None)
        self.wire.heartbeat = b""
        if self.link:
            self.link.shutdown(socket.SHUT_RDWR)
            self.link.close()
            self.link = None


def status(program, name):
    return next(item for item in program.get("/api/v1/status/connections")["items"] if item["name"] == name)


def cycles(program, what, tag, count, cut, heal, tells_later=False):
    """Cuts and heals; readings are back within one step of the back-off, and each gap is marked. `tells_later`: the machine keeps what it
    measured meanwhile and tells it with its own times."""
    began = time.time_ns()
    worst = 0
    gaps = []
    for cycle in range(count):
        off = time.time_ns()
        cut()
        wait_for(f"{what} {cycle + 1}: a bad reading that marks the gap", lambda: newest(program, tag)[2].startswith("bad"), 30)
        on = time.time_ns()
        heal()
        wait_for(f"{what} {cycle + 1}: readings again", lambda: newest(program, tag)[2] == "good" and int(newest(program, tag)[0]) > on, 40)
        worst = max(worst, time.time_ns() - on)
        gaps.append((off, on))
    rows = program.read(tag, began, time.time_ns() + 10**9)
    for off, on in gaps:
        inside = not tells_later and [row for row in rows if off + 1_500_000_000 < int(row[0]) < on and row[2].startswith("good")]
        assert not inside, f"{what}: invented while it was cut: {inside[:3]}"
        assert any(off <= int(row[0]) <= on + 1_500_000_000 and row[2].startswith("bad") for row in rows), f"{what}: a gap is not marked"
    print(f"{what}: {count} cuts, back after {worst / 1e9:.1f} s at most")
    assert worst < 35 * 10**9


def few(cycles):
    """So often for each of the other ways in which a link ends."""
    return max(1, cycles // 3)


def on_the_way(program, what, name, tag, port, count, tells_later=False, address=lambda port: {"port": port}):
    """The same with what lies between: it is cut, it stands still, and ours ends and begins again."""
    way = Way(("127.0.0.1", port))
    began = time.time_ns()
    program.call("PATCH", f"/api/v1/connections/{name}", address(way.port))
    wait_for(f"{what} over a way that can be cut", lambda: newest(program, tag)[2] == "good" and int(newest(program, tag)[0]) > began and way.bytes > 0, 30)
    cycles(program, f"{what}, the way is cut", tag, count, way.cut, way.heal, tells_later)
    cycles(program, f"{what}, the way stands still", tag, count, way.pause, way.heal, tells_later)
    restarts(program, what, tag, count)
    program.call("PATCH", f"/api/v1/connections/{name}", address(port))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=9)
    options = parser.parse_args()
    machines = Machines()
    machines.start()
    assert machines.ready.wait(30), "pymodbus does not serve"
    wire = Wire(machines)
    wire.start()
    server = SerialServer(wire)
    port = Line()
    with Program(args=["--allow-target", "127.0.0.1", "--allow-target", "/dev/pts/*", "--dtu", "127.0.0.1:0"]) as program:
        program.put("device_types", "press", {"properties": [
            {"name": "temperature", "type": "number", "unit": "degC", "address": {"kind": "holding", "address": 10, "encoding": "f32"}},
            {"name": "count", "type": "integer", "address": {"kind": "holding", "address": 20}},
            {"name": "input", "type": "integer", "address": {"kind": "input", "address": 5}},
            {"name": "running", "type": "boolean", "address": {"kind": "coil", "address": 3}},
            {"name": "limit", "type": "integer", "writable": True, "address": {"kind": "holding", "address": 30}}]})

        def check(name, limit):
            tag = f"site/{name}.temperature"
            wait_for(f"{name}: the press by pymodbus", lambda: program.last(tag) == [36.5, "good"], 30)
            wait_for(f"{name}: its other tables", lambda: [program.last(f"site/{name}.{p}") for p in ("count", "input", "running")] ==
                     [[1234, "good"], [20, "good"], [True, "good"]], 30)
            result = program.post(f"/api/v1/devices/site%2F{name}:write", {"property": "limit", "value": limit, "reason": "test"})
            assert result["done"] and result["read_back"] == limit, result
            assert machines.units[2].getValues(3, 30, 1) == [limit]
            test = program.post(f"/api/v1/connections/{name}:test")
            assert test["ok"] == (name != "serial"), test  # there a unit is absent
            assert {"tag": tag, "value": 36.5, "quality": "good"} in test["values"], test
            wait_for(f"{name}: polling goes on after the test", lambda: status(program, name)["state"] == "up", 10)
            return tag

        # Over TCP, through a serial server.
        common = {"period_ms": 200, "timeout_ms": 500, "writes_enabled": True}
        program.put("connections", "tcp", {"protocol": "modbus_rtu_tcp", "host": "127.0.0.1", "port": server.port, **common})
        program.put("devices", "site/tcp", {"type": "press", "connection": "tcp", "unit_id": 2})
        tag = check("tcp", 41)
        cycles(program, "RTU over TCP", tag, options.cycles, server.cut, lambda: None)
        on_the_way(program, "RTU over TCP", "tcp", tag, server.port, few(options.cycles))
        program.call("PATCH", "/api/v1/connections/tcp", {"enabled": False})
        wait_for("the serial server to be free", lambda: status(program, "tcp")["state"] == "off", 10)

        # On a serial port of this machine.
        wire.join_to(port.far)
        program.put("connections", "serial", {"protocol": "modbus_rtu", "serial_port": port.path, "baud": 9600, **common})
        program.put("devices", "site/serial", {"type": "press", "connection": "serial", "unit_id": 2})
        program.put("devices", "site/absent", {"type": "press", "connection": "serial", "unit_id": 77})
        tag = check("serial", 42)
        wait_for("the unit that is not there, bad", lambda: (program.last("site/absent.count") or ["", ""])[1] == "bad:timeout", 30)
        cycles(program, "serial", tag, options.cycles, lambda: wire.join_to(None), lambda: wire.join_to(port.far))
        program.call("PATCH", "/api/v1/connections/serial", {"enabled": False})
        wait_for("the port to be free", lambda: status(program, "serial")["state"] == "off", 10)

        # Behind a DTU that dials in.
        dtu = Dtu(wire, program.ready["dtu"][0], b"IMEI861234567890123", b"\xaa\x55")
        dtu.dial()
        seen = wait_for("the unknown DTU on the status page", lambda: program.get("/api/v1/status/dtu")["packets"], 10)[0]
        assert seen["text"] == "IMEI861234567890123" and seen["hex"] == seen["text"].encode().hex(), seen
        program.put("connections", "dtu", {"protocol": "modbus_dtu", "registration": seen["text"], "heartbeat": "AA 55", "heartbeat_form": "hex",
                                           **common, "timeout_ms": 2000})
        program.put("devices", "site/dtu", {"type": "press", "connection": "dtu", "unit_id": 2})
        tag = check("dtu", 43)
        assert status(program, "dtu")["protocol"] == "modbus_dtu"
        cycles(program, "DTU", tag, options.cycles, dtu.hang_up, dtu.dial)
        dtu.hang_up()
        wait_for("it is waited for", lambda: status(program, "dtu")["state"] == "waiting", 10)
        older = Dtu(wire, program.ready["dtu"][0], b"IMEI861234567890123", b"\xaa\x55")
        older.dial()
        wait_for("one of them is up", lambda: status(program, "dtu")["state"] == "up", 10)
        time_before = time.time_ns()
        dtu.dial()
        wait_for("the newer one has the link", lambda: "dialled in again" in status(program, "dtu")["last_error"], 10)
        wait_for("readings over it", lambda: newest(program, tag)[2] == "good" and int(newest(program, tag)[0]) > time_before, 10)
        assert older.link.recv(100) == b"" or older.link.recv(100) == b"", "the older one was not hung up"
        page = program.get("/api/v1/overview")
        assert page["connections"]["up"] == 1, page
    print("pymodbus read and written over TCP, on a serial line and behind a DTU; all came back by themselves")


if __name__ == "__main__":
    main()
