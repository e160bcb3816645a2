#!/usr/bin/env python3
"""The simulated plant swapped for Debian's pymodbus server and mosquitto_pub: the same platform, values as served."""
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, simple_type, wait_for  # noqa: E402

import asyncio  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext  # noqa: E402
from pymodbus.server.async_io import ModbusTcpServer  # noqa: E402


class Machine(threading.Thread):
    """pymodbus in its own thread: unit 7, holding register 10-11 a float (ABCD), 20 a u16, coil 3."""

    def __init__(self):
        super().__init__(daemon=True)
        floats = struct.unpack(">HH", struct.pack(">f", 36.5))
        registers = [0] * 100
        registers[10:12] = floats
        registers[20] = 1234
        coils = [False] * 16
        coils[3] = True
        self.unit = ModbusSlaveContext(di=ModbusSequentialDataBlock(0, [False] * 16), co=ModbusSequentialDataBlock(0, coils),
                                       hr=ModbusSequentialDataBlock(0, registers), ir=ModbusSequentialDataBlock(0, [0] * 100), zero_mode=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.ready = threading.Event()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        context = ModbusServerContext(slaves={7: self.unit}, single=False)
        server = ModbusTcpServer(context, address=("127.0.0.1", self.port), allow_reuse_address=True)
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
        self.ready.set()
        await task


def main():
    machine = Machine()
    machine.start()
    assert machine.ready.wait(30), "pymodbus does not serve"
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        program.put("device_types", "press", {"title_en": "Press", "title_zh": "压机", "properties": [
            {"name": "temperature", "type": "number", "unit": "degC", "address": {"kind": "holding", "address": 10, "encoding": "f32", "word_order": "ABCD"}},
            {"name": "count", "type": "integer", "address": {"kind": "holding", "address": 20, "encoding": "u16"}},
            {"name": "running", "type": "boolean", "address": {"kind": "coil", "address": 3}},
            {"name": "setpoint", "type": "number", "unit": "degC", "writable": True, "min": 0, "max": 90,
             "address": {"kind": "holding", "address": 30, "encoding": "i16", "scale": 0.1}},
            {"name": "beyond", "type": "integer", "address": {"kind": "holding", "address": 5000, "encoding": "u16"}}]})
        program.put("connections", "press-link", {"protocol": "modbus_tcp", "host": "127.0.0.1", "port": machine.port, "period_ms": 200,
                                                  "writes_enabled": True})
        program.put("devices", "site/line1/press", {"type": "press", "connection": "press-link", "unit_id": 7})

        last = program.last
        wait_for("the press by pymodbus", lambda: last("site/line1/press.temperature") == [36.5, "good"], 30)
        wait_for("its count", lambda: last("site/line1/press.count") == [1234, "good"], 10)
        wait_for("its coil", lambda: last("site/line1/press.running") == [True, "good"], 10)
        wait_for("the address that is not there, bad", lambda: (last("site/line1/press.beyond") or ["", ""])[1] == "bad:refused", 30)
        result = program.post("/api/v1/devices/site%2Fline1%2Fpress:write", {"property": "setpoint", "value": 45.5, "reason": "test"})
        assert result["done"] and result["read_back"] == 45.5, result
        assert machine.unit.getValues(3, 30, 1) == [455]

        simple_type(program)
        program.put("devices", "site/line1/oven", {"type": "sensor"})
        credential = program.credential("site/line1/oven")
        subprocess.run(["mosquitto_pub", "-h", program.mqtt_host, "-p", str(program.mqtt_port), "-u", credential["username"], "-P", credential["password"],
                        "-q", "1", "-t", "gongshu/v1/site/line1/oven", "-m", '{"temperature": 181.25}'], check=True, timeout=30)
        wait_for("the oven by mosquitto_pub", lambda: last("site/line1/oven.temperature") == [181.25, "good"], 10)
        unit = program.get("/api/v1/last?tag=site/line1/oven.temperature")["series"][0]["unit"]
        assert unit == "degC", f"the unit of its device type, not {unit!r}"
        subprocess.run(["mosquitto_pub", "-V", "mqttv5", "-h", program.mqtt_host, "-p", str(program.mqtt_port), "-u", credential["username"], "-P",
                        credential["password"], "-q", "1", "-t", "v1/devices/me/telemetry", "-m", '{"temperature": 182}'], check=True, timeout=30)
        wait_for("the oven by the ThingsBoard door", lambda: last("site/line1/oven.temperature") == [182, "good"], 10)
    print("pymodbus and mosquitto_pub read back as served")


if __name__ == "__main__":
    main()
