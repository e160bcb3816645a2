#!/usr/bin/env python3
"""Modbus by the names of a PLC's maker, against Debian's pymodbus: the real program types D100, M20 and X17, pymodbus holds the coils and registers at which
the makers' tables put them. Each dialect is read, written, read back and tested over Modbus TCP; one over RTU on a serial line.
"""
import asyncio
import pathlib
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused, wait_for  # noqa: E402
from rtu_test import Line, Wire, status  # noqa: E402

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext  # noqa: E402
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer  # noqa: E402
from pymodbus.transaction import ModbusRtuFramer  # noqa: E402

COILS, INPUTS, HOLDING, INPUT_REGISTERS = 1, 2, 3, 4
LOW_WORD_FIRST, HIGH_WORD_FIRST = 1, 0

# Of each dialect: a float, a whole number, a bit that is on, a bit to be written, a number to be written; where each lies by the maker's table
# (written down here a second time), and how the float lies.
DIALECTS = {
    "inovance": (("D100", HOLDING, 100), ("R5", HOLDING, 0x3005), ("X17", COILS, 0xF80F), ("M20", COILS, 20), ("D8000", HOLDING, 8000), LOW_WORD_FIRST),
    "delta_dvp": (("D4096", HOLDING, 0x9000), ("T20", HOLDING, 0x0614), ("X17", INPUTS, 0x040F), ("M1536", COILS, 0xB000), ("D0", HOLDING, 0x1000), LOW_WORD_FIRST),
    "delta_as": (("D100", HOLDING, 100), ("SR8", HOLDING, 0xC008), ("X0.15", INPUTS, 0x600F), ("Y1.2", COILS, 0xA012), ("D29999", HOLDING, 29999), LOW_WORD_FIRST),
    "xinje_xc": (("D8000", HOLDING, 0x4000), ("TD5", HOLDING, 0x3005), ("X17", COILS, 0x400F), ("M8000", COILS, 0x6000), ("FD0", HOLDING, 0x4800), LOW_WORD_FIRST),
    "xinje_xd": (("HD0", HOLDING, 41088), ("SD5", HOLDING, 0x7005), ("X10001", COILS, 0x5101), ("HM0", COILS, 49408), ("D20479", HOLDING, 0x4FFF), LOW_WORD_FIRST),
    "haiwell": (("V0", HOLDING, 512), ("AI3", HOLDING, 3), ("X9", COILS, 9), ("M0", COILS, 3072), ("V100", HOLDING, 612), LOW_WORD_FIRST),
    "generic": (("40101", HOLDING, 100), ("3x6", INPUT_REGISTERS, 5), ("10018", INPUTS, 17), ("0x21", COILS, 20), ("410001", HOLDING, 10000), HIGH_WORD_FIRST),
}


class Plc(threading.Thread):
    """pymodbus with all coils and registers there can be: every dialect is a unit of its own. `line`: RTU on it instead of TCP."""

    def __init__(self, line=None):
        super().__init__(daemon=True)
        self.line = line
        self.units = {}
        for number, places in enumerate(DIALECTS.values(), 1):
            tables = {table: [0] * 65536 for table in (COILS, INPUTS, HOLDING, INPUT_REGISTERS)}
            (_, table, address), (_, whole_table, whole), (_, bit_table, bit), _, _, order = places
            high, low = struct.unpack(">HH", struct.pack(">f", 36.5))
            tables[table][address:address + 2] = [low, high] if order == LOW_WORD_FIRST else [high, low]
            tables[whole_table][whole] = 65536 - 1234 if whole_table == HOLDING else 1234
            tables[bit_table][bit] = 1
            self.units[number] = ModbusSlaveContext(co=ModbusSequentialDataBlock(0, tables[COILS]), di=ModbusSequentialDataBlock(0, tables[INPUTS]),
                                                    hr=ModbusSequentialDataBlock(0, tables[HOLDING]),
                                                    ir=ModbusSequentialDataBlock(0, tables[INPUT_REGISTERS]), zero_mode=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.ready = threading.Event()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        context = ModbusServerContext(slaves=self.units, single=False)
        if self.line:
            server = ModbusSerialServer(context, framer=ModbusRtuFramer, port=self.line.path, baudrate=9600)
            await server.start()
            self.ready.set()
            return await server.serve_forever()
        server = ModbusTcpServer(context, address=("127.0.0.1", self.port), allow_reuse_address=True)
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
        self.ready.set()
        await task


def properties(dialect):
    measured, whole, bit, switch, limit, _ = (place if isinstance(place, int) else place[0] for place in DIALECTS[dialect])
    return [{"name": "temperature", "type": "number", "unit": "degC", "point": {"at": measured, "as": "f32"}},
            {"name": "whole", "type": "integer", "point": {"at": whole}},
            {"name": "running", "type": "boolean", "point": {"at": bit}},
            {"name": "on", "type": "boolean", "writable": True, "point": {"at": switch}},
            {"name": "limit", "type": "number", "writable": True, "point": {"at": limit, "scale": 0.1}},
            {"name": "raw", "type": "integer", "address": {"kind": DIALECTS[dialect][0][1] == HOLDING and "holding" or "input",
                                                           "address": DIALECTS[dialect][0][2]}}]


def check(program, plc, name, dialect, number):
    whole = [-1234 if DIALECTS[dialect][1][1] == HOLDING else 1234, "good"]
    wait_for(f"{name}: readings", lambda: [program.last(f"site/{name}.{p}") for p in ("temperature", "whole", "running")] == [[36.5, "good"], whole, [True, "good"]], 30)
    wait_for(f"{name}: a register by its number beside them", lambda: (program.last(f"site/{name}.raw") or [0, ""])[1] == "good", 30)
    unit = plc.units[number]
    for what, value, (_, table, address), stored in (("on", True, DIALECTS[dialect][3], 1), ("limit", 21.5, DIALECTS[dialect][4], 215)):
        done = program.post(f"/api/v1/devices/site%2F{name}:write", {"property": what, "value": value, "reason": "test"})
        assert done["done"] and done["read_back"] == value, done
        assert [int(one) for one in unit.getValues(table, address, 1)] == [stored], (name, what)
    print(f"{name}: read, written and read back by {', '.join(place[0] for place in DIALECTS[dialect][:5])}")


def refused(program, plural, name, spec, want):
    try:
        program.put(plural, name, spec)
    except Refused as error:
        assert want in str(error.body), error.body
    else:
        raise AssertionError(f"{name} was not refused: {want}")


def main():
    plc = Plc()
    plc.start()
    line = Line()
    on_line = Plc(line=line)
    on_line.start()
    assert plc.ready.wait(60) and on_line.ready.wait(60), "pymodbus does not serve"
    with Program(args=["--allow-target", "127.0.0.1", "--allow-target", "/dev/pts/*"]) as program:
        common = {"period_ms": 200, "timeout_ms": 1000, "writes_enabled": True}
        for number, dialect in enumerate(DIALECTS, 1):
            program.put("device_types", dialect, {"properties": properties(dialect)})
            program.put("connections", dialect, {"protocol": "modbus_tcp", "host": "127.0.0.1", "port": plc.port, "dialect": dialect, **common})
            program.put("devices", f"site/{dialect}", {"type": dialect, "connection": dialect, "unit_id": number})
            check(program, plc, dialect, dialect, number)
        test = program.post("/api/v1/connections/inovance:test")
        assert test["ok"] and {"tag": "site/inovance.temperature", "value": 36.5, "quality": "good"} in test["values"], test
        assert any("(D100 to D101)" in step["what"] for step in test["steps"]), test

        # The maker's order of words, said otherwise.
        program.call("PATCH", "/api/v1/connections/inovance", {"point_order": "ABCD"})
        wait_for("the other order", lambda: program.last("site/inovance.temperature")[0] not in (36.5, None), 30)
        program.call("PATCH", "/api/v1/connections/inovance", {"point_order": None})
        wait_for("the maker's order again", lambda: program.last("site/inovance.temperature") == [36.5, "good"], 30)

        # What nobody could read is refused where it is typed, in words of the PLC.
        bad = {"properties": [{"name": "p", "type": "boolean", "point": {"at": "X18"}}]}
        refused(program, "device_types", "inovance", bad, "X18: X is counted in octal")
        refused(program, "device_types", "inovance", {"properties": [{"name": "p", "type": "number", "point": {"at": "HD0"}}]}, "did you mean D0?")
        refused(program, "connections", "inovance", {"protocol": "modbus_tcp", "host": "127.0.0.1", "port": plc.port}, "the connection needs a dialect")
        refused(program, "devices", "site/inovance", {"type": "xinje_xd", "connection": "inovance", "unit_id": 1}, "HD0")

        # Over RTU on a serial line.
        port = Line()
        wire = Wire(type("OnLine", (), {"line": line}))
        wire.start()
        wire.join_to(port.far)
        program.put("connections", "serial", {"protocol": "modbus_rtu", "serial_port": port.path, "baud": 9600, "dialect": "xinje_xd", **common})
        number = list(DIALECTS).index("xinje_xd") + 1
        program.put("devices", "site/serial", {"type": "xinje_xd", "connection": "serial", "unit_id": number})
        check(program, on_line, "serial", "xinje_xd", number)
        wire.join_to(None)
        wait_for("a line that is cut", lambda: program.last("site/serial.limit")[1].startswith("bad"), 30)
    print("pymodbus read and written by the names of seven dialects")


if __name__ == "__main__":
    main()
