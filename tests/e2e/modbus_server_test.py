#!/usr/bin/env python3
"""Tags shown to Modbus masters that share no code with ours: Debian's pymodbus and libmodbus read what the platform has, write by commands to a machine with
limits and records, and are refused as the standard says.

    modbus_server_test.py
"""
import ctypes
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused, wait_for  # noqa: E402

sys.path.insert(0, "/usr/lib/python3/dist-packages")
from pymodbus.client import ModbusTcpClient  # noqa: E402
from pymodbus.mei_message import ReadDeviceInformationRequest  # noqa: E402


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def send(program, **values):
    program.call("POST", "/api/v1/write/json", [{"tag": f"hall/press.{name}", "value": value, **({"quality": quality} if quality else {})}
                                               for name, (value, quality) in values.items()])


def server_of(program, name="scada"):
    return next((one for one in program.get("/api/v1/status/modbus_servers")["items"] if one["name"] == name), None)


def refused(program, spec, why):
    try:
        program.put("modbus_servers", "scada", spec)
    except Refused as error:
        assert why in error.body, error.body
        return
    raise AssertionError(f"taken: {spec}")


def code(answer):
    return answer.exception_code if answer.isError() else None


def words(kind, value):
    raw = struct.pack(">" + kind, value)
    return list(struct.unpack(">" + "H" * (len(raw) // 2), raw))


def machine(program):
    """What pymodbus reads of the platform comes from the platform's own plant of registers: a second server of it that is polled."""
    program.put("device_types", "press", {"properties": [
        {"name": "power", "type": "number", "unit": "kW", "min": 0, "max": 6000}, {"name": "strokes", "type": "integer"}, {"name": "running", "type": "boolean"},
        {"name": "recipe", "type": "text"}]})
    program.put("devices", "hall/press", {"type": "press"})
    send(program, power=(123.46, ""), strokes=(70_000, ""), running=(True, ""), recipe=("AB12", ""))


def spec_of(port, **more):
    return {"host": "127.0.0.1", "port": port, "unit": 7, "entries": [
        {"tag": "hall/press.power", "kind": "input", "address": 0, "encoding": "f32", "status": 10},
        {"tag": "hall/press.power", "kind": "holding", "address": 0, "encoding": "u16", "scale": 0.1},
        {"tag": "hall/press.strokes", "kind": "holding", "address": 1, "encoding": "i32", "word_order": "CDAB"},
        {"tag": "hall/press.recipe", "kind": "holding", "address": 20, "encoding": "text", "length": 4},
        {"tag": "hall/press.running", "kind": "coil", "address": 3}, {"tag": "hall/press.running", "kind": "discrete", "address": 0},
        {"tag": "hall/press.power", "kind": "holding", "address": 40, "encoding": "u16", "when_bad": "last"},
        {"tag": "hall/press.power", "kind": "holding", "address": 41, "encoding": "i16", "when_bad": "fill", "fill": -1}], **more}


def reads(program, port):
    master = ModbusTcpClient("127.0.0.1", port=port)
    assert master.connect()
    assert master.read_input_registers(0, 2, 7).registers == words("f", 123.46)
    assert master.read_holding_registers(0, 3, 7).registers == [1235, *reversed(words("i", 70_000))]
    assert master.read_holding_registers(20, 4, 7).registers == [0x4142, 0x3132, 0, 0]
    assert master.read_coils(3, 1, 7).bits[0] and master.read_discrete_inputs(0, 1, 7).bits[0] and master.read_discrete_inputs(10, 1, 7).bits[0]
    assert master.read_holding_registers(2, 1, 255).registers == words("i", 70_000)[:1]  # half of a value; 255 is the server itself
    assert master.read_holding_registers(40, 2, 7).registers == [123, 123]
    assert code(master.read_holding_registers(3, 1, 7)) == 2
    assert code(master.read_holding_registers(0, 5, 7)) == 2, "there is a gap"
    assert code(master.read_holding_registers(0, 1, 8)) == 11, "there is no such unit"
    assert code(master.write_register(0, 1, 7)) == 1, "writes are off"
    told = master.execute(ReadDeviceInformationRequest(unit=7))
    assert told.information[0] == b"Gongshu" and told.information[1] == b"gongshu", told.information

    send(program, power=(0, "bad:sensor"))
    wait_for("the exception of a bad value", lambda: code(master.read_input_registers(0, 2, 7)) == 4)
    assert not master.read_discrete_inputs(10, 1, 7).bits[0], "its status says so"
    assert master.read_holding_registers(40, 2, 7).registers == [123, 0xffff], "the last usable value, and the fill value"
    status = server_of(program)
    assert status["bad"] == 4 and status["requests"] > 10 and status["exceptions"] >= 5 and status["last_master"] == "127.0.0.1", status
    send(program, power=(5, ""))
    wait_for("the value again", lambda: not master.read_input_registers(0, 2, 7).isError())

    # A change of the map cuts no master.
    before = master.socket.getsockname()
    program.put("modbus_servers", "scada", spec_of(port, gaps="zero"))
    wait_for("gaps are zeros", lambda: not master.read_holding_registers(0, 5, 7).isError())
    assert master.socket.getsockname() == before
    taken = [one for one in program.get("/api/v1/egress")["taken"] if one["door"] == "modbus"]
    assert {one["what"] for one in taken} == {"hall/press.power", "hall/press.strokes", "hall/press.recipe", "hall/press.running"}, taken
    assert all(one["who"] == "modbus_server:scada" and one["allowed"] == 1 for one in taken), taken
    master.close()


def by_libmodbus(port):
    lib = ctypes.CDLL("libmodbus.so.5")
    lib.modbus_new_tcp.restype = ctypes.c_void_p
    link = ctypes.c_void_p(lib.modbus_new_tcp(b"127.0.0.1", port))
    assert lib.modbus_set_slave(link, 7) == 0 and lib.modbus_connect(link) == 0
    registers = (ctypes.c_uint16 * 4)()
    assert lib.modbus_read_registers(link, 20, 4, registers) == 4 and list(registers) == [0x4142, 0x3132, 0, 0]
    bits = (ctypes.c_uint8 * 1)()
    assert lib.modbus_read_bits(link, 3, 1, bits) == 1 and bits[0] == 1
    assert lib.modbus_read_registers(link, 9000, 1, registers) == -1
    lib.modbus_close(link)


def writes(program, port, plc_port):
    """The machine is a second server of the platform's own kind of place: pymodbus holds its registers."""
    import threading
    import asyncio
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
    from pymodbus.server.async_io import ModbusTcpServer
    block = ModbusSequentialDataBlock(0, [0] * 100)
    ready = threading.Event()

    async def serve():
        context = ModbusServerContext(slaves=ModbusSlaveContext(hr=block, zero_mode=True), single=True)
        plc = ModbusTcpServer(context, address=("127.0.0.1", plc_port), allow_reuse_address=True)
        ready.set()
        await plc.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    assert ready.wait(30)
    program.put("connections", "plc", {"protocol": "modbus_tcp", "host": "127.0.0.1", "port": plc_port, "writes_enabled": True, "period_ms": 100})
    program.put("device_types", "oven", {"properties": [{"name": "limit", "type": "number", "writable": True, "min": 0, "max": 900,
                                                        "address": {"kind": "holding", "address": 5}}]})
    program.put("devices", "hall/oven", {"type": "oven", "connection": "plc"})
    wait_for("the oven's reading", lambda: program.last("hall/oven.limit"))
    entry = {"tag": "hall/oven.limit", "kind": "holding", "address": 100, "writable": True, "min": 10, "max": 500}
    more = spec_of(port, writes_enabled=True)
    more["entries"].append(entry)
    program.put("modbus_servers", "scada", more)
    master = ModbusTcpClient("127.0.0.1", port=port, timeout=20)
    assert master.connect()
    wait_for("the new entry", lambda: not master.read_holding_registers(100, 1, 7).isError())
    assert not master.write_register(100, 321, 7).isError()
    assert block.getValues(5, 1) == [321], "it is in the machine"
    assert code(master.write_register(100, 600, 7)) == 3, "beyond the entry's limit"
    assert code(master.write_register(0, 1, 7)) == 2, "read only"
    assert code(master.write_registers(100, [1, 2], 7)) == 2
    assert not master.write_registers(100, [400], 7).isError() and block.getValues(5, 1) == [400]
    wait_for("the value read again", lambda: master.read_holding_registers(100, 1, 7).registers == [400])
    assert master.readwrite_registers(read_address=100, read_count=1, write_address=100, write_registers=[55], unit=7).registers in ([55], [400])
    assert block.getValues(5, 1) == [55]
    records = program.get("/api/v1/audit?from=now-1h&limit=1000")["records"]
    outcomes = [(one["action"], one["allowed"]) for one in records if one["who"] == "modbus_server:scada"]
    assert outcomes.count(("write_asked", True)) == 3 and outcomes.count(("write", True)) == 3, outcomes
    master.close()


def limits(program, port):
    program.put("modbus_servers", "scada", spec_of(port, masters_max=100))
    masters = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    wait_for("100 masters", lambda: len(server_of(program)["masters"]) == 100)
    one_more = socket.create_connection(("127.0.0.1", port))
    one_more.settimeout(20)
    assert one_more.recv(1) == b"", "the 101st is turned away"
    assert server_of(program)["turned_away"] == 1
    for one in masters:
        one.close()
    wait_for("they have gone", lambda: not server_of(program)["masters"])
    by_libmodbus(port)


def main():
    port, plc_port = free_port(), free_port()
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        machine(program)
        refused(program, spec_of(port, host="0.0.0.0"), "masters: expected at least one address")
        refused(program, spec_of(port, masters=["0.0.0.0/0"]), "lets nearly everybody ask")
        one = {"tag": "hall/press.power", "kind": "holding", "address": 0, "encoding": "f32"}
        refused(program, {"port": port, "entries": [one, {**one, "address": 1}]}, "entries[1].address: holding 1 is taken by entries[0]")
        refused(program, {"port": port, "entries": [{**one, "tag": "hall/nothing.x"}]}, "entries[0].tag: there is no tag")
        refused(program, {"port": port, "entries": [{**one, "encoding": "i16", "scale": 0.1}]}, "entries[0].encoding: hall/press.power may be 6000")
        refused(program, {"port": port, "entries": [{**one, "writable": True}]}, "entries[0].writable: writes are off")
        refused(program, {"port": port, "writes_enabled": True, "entries": [{**one, "writable": True}]}, "its device type calls writable")
        program.put("modbus_servers", "scada", spec_of(port))
        wait_for("it listens", lambda: (server_of(program) or {}).get("state") == "listening")
        reads(program, port)
        by_libmodbus(port)
        writes(program, port, plc_port)
        limits(program, port)
        # After a restart masters find it again.
        assert program.stop() == 0
        program.start()
        wait_for("it listens again", lambda: (server_of(program) or {}).get("state") == "listening")
        by_libmodbus(port)
    print("pymodbus and libmodbus read and wrote tags by Modbus TCP")


if __name__ == "__main__":
    main()
