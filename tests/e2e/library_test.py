#!/usr/bin/env python3
"""The packages of library/packages in one server, beside each other: each is installed, its tests pass there, its templates make devices by every link that
they offer, and its properties are read from peers that share no code with ours: Debian's pymodbus, and PLCs, a meter, a scale, a scanner and an adapter of
MTConnect in a few lines each. A package that is not in the tables below fails the test."""
import asyncio
import logging
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from drivers_test import Meters, Server  # noqa: E402
from harness import PROGRAM, SOURCE, Program, wait_for  # noqa: E402
from shdr_test import Adapter  # noqa: E402

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock  # noqa: E402
from pymodbus.server.async_io import ModbusTcpServer  # noqa: E402


def floats(*values):
    return [word for value in values for word in struct.unpack(">HH", struct.pack(">f", value))]


# Of each Modbus package what its machine holds, as words at addresses, and what of it is read.
MODBUS = {
    "air-compressor": (None, {"holding": {0: [3, 720, 815, 750, 1000, 0, 1, 4464]}}, {
        "running": True, "loaded": True, "discharge_pressure": 7.2, "discharge_temperature": 81.5, "power": 75, "run_hours": 70000, "specific_power": 7.5}),
    "andon-io-8ch": ("andon-io-8ch", {"coil": {0: [1, 0, 0, 0, 0, 0, 0, 0]}, "discrete": {0: [0, 1, 0, 1, 0, 0, 0, 0]}}, {
        "red": True, "green": False, "call_material": True, "machine_running": True, "machine_fault": False}),
    "chint-dtsu666": ("chint-dtsu666", {"holding": {
        0x101E: floats(1234.5), 0x1028: floats(1.25),
        0x2006: floats(2301, 2299, 2305, 12500, 11000, 9500, 123450, 41000, 41200, 41250, 5000), 0x202A: floats(985), 0x2044: floats(4998)}}, {
        "voltage_l1": 230.1, "current_l2": 11, "power": 12345, "reactive_power": 500, "power_factor": 0.985, "frequency": 49.98, "energy_import": 1234.5,
        "energy_export": 1.25}),
    "datakom-dk40-compressor": ("datakom-dk40", {"holding": {
        0: [500, 231, 230, 229, 400, 399, 401, 72, 88, 0, 25, 0], 12: [0, 5000, 0xFFFF, 0xFF9C, 1, 0, 0, 0, 0, 0, 2, 0, 1, 34464, 1, 0], 28: [1, 0, 4, 1]}}, {
        "frequency": 50, "voltage_l3": 229, "pressure": 7.2, "air_end_temperature": 88, "service_a_in": 500, "service_b_in": -10, "motor_hours": 10000,
        "load_hours": 6553.6, "alarm_bits": 65536, "warning_bits": 4}),
    "delta-ms300": ("delta-ms300", {"holding": {0x2100: [0x1604, 3, 5000, 4985, 312, 5372, 3801, 0, 0, 0, 315, 873, 1450, 0, 0, 1234]}}, {
        "error_word": 0x1604, "frequency_command": 50, "output_frequency": 49.85, "output_current": 3.12, "dc_voltage": 537.2, "torque": 87.3,
        "motor_speed": 1450, "power": 1.234, "running": True, "fault_code": 4, "warning_code": 22}),
    "eastron-sdm630": (None, {"input": {
        0: floats(230.5, 229.5, 231.5, 5, 6, 7, 1150, 1377, 1620.5), 52: floats(4147.5), 62: floats(0.875), 70: floats(50), 72: floats(100.5, 2)}}, {
        "voltage_l2": 229.5, "power": 4147.5, "power_factor": 0.875, "energy_import": 100.5}),
    "inovance-md500": ("inovance-md500", {"holding": {0x7000: [4000, 4500, 5386, 304, 876, 45, 0xFFF6, 3, 1], 0x7022: [61], 0x703D: [2, 0]}}, {
        "output_frequency": 40, "frequency_command": 45, "dc_voltage": 538.6, "output_current": 8.76, "power": 4.5, "torque": -1, "motor_temperature": 61,
        "running": True, "fault_code": 0}),
    "omron-e5cc": ("omron-e5cc", {"holding": {0x2000: [1503, 0x1040, 1500, 21, 455, 0]}}, {
        "temperature": 150.3, "set_point": 150, "heater_current": 2.1, "output": 45.5, "input_error": True, "alarm_1": True, "alarm_2": False}),
    "pump-set": ("pump-set", {"holding": {0: [5, 2, 4500, 0, 4250, 180, 405, 400, 1000, 300, 655, 0, 1, 2]}}, {
        "pump1_running": True, "pump2_running": False, "pump2_fault": True, "pump3_frequency": 42.5, "inlet_pressure": 1.8, "outlet_pressure": 4.05, "flow": 100,
        "volume": 65538, "specific_energy": 0.3}),
    "qualitrol-118-transformer": ("qualitrol-118", {"holding": {0: [71, 83, 69, 3, 121, 2, 0, 0, 0x41]}}, {
        "temperature_left": 71, "temperature_center": 83, "fan_on": True, "alarm": False, "temperature_maximum": 121, "sensor_right_failed": True, "hottest": 83}),
    "steam-boiler": ("steam-boiler", {"holding": {0: [7, 0, 812, 0xFFF4, 400, 300, 1042, 1315, 35, 620, 0, 4321]}}, {
        "flame": True, "low_water_cutout": False, "steam_pressure": 0.812, "level": -12, "steam_flow": 4, "gas_flow": 300, "oxygen": 3.5, "run_hours": 4321}),
    "water-chiller": ("water-chiller", {"discrete": {0: [1, 0, 1, 1]}, "input": {0: [70, 120, 300, 352, 368, 45, 800, 1000, 1000, 0, 0, 8765]}, "holding": {0: [70]}}, {
        "running": True, "alarm": False, "chilled_supply": 7, "chilled_return": 12, "condensing_temperature": 36.8, "flow": 100, "run_hours": 8765, "set_point": 7,
        "cooling": 581.4}),
    "witmotion-wtvb01": ("witmotion-wtvb01", {"holding": {0x34: [2048, 0xF800, 0, 0, 0, 0, 2, 5, 1, 0, 0, 0, 3125, 30, 40, 50, 248, 250, 251]}}, {
        "acceleration_x": 9.8, "acceleration_y": -9.8, "velocity_y": 5, "temperature": 31.25, "displacement_z": 50, "frequency_x": 24.8, "velocity": 5}),
}
METER = {0x0001FF00: "7856341200001000000020000000300000004000", 0x02010100: "0122", 0x02010200: "9921", 0x02010300: "0522",
         0x02020100: "005000", 0x02030000: "002510", 0x02060000: "5009", 0x02800002: "0050", 0x01010000: "3412000930201126"}


class Machines(threading.Thread):
    """pymodbus serving TCP: a unit for each package."""

    def __init__(self):
        super().__init__(daemon=True)
        self.units = {name: number for number, name in enumerate(sorted(MODBUS), 1)}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.ready = threading.Event()

    @staticmethod
    def block(held):
        """What stands at no address of the table is 0, as a machine answers for what it has and does not use."""
        words = {address + i: word for address, several in held.items() for i, word in enumerate(several)}
        for address in list(words):
            for near in range(address - 16, address + 17):
                words.setdefault(max(near, 0), 0)
        return ModbusSparseDataBlock(words) if words else ModbusSequentialDataBlock(0, [0])

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        slaves = {number: ModbusSlaveContext(zero_mode=True, **{kind: self.block(MODBUS[name][1].get(word, {})) for kind, word in (
            ("co", "coil"), ("di", "discrete"), ("hr", "holding"), ("ir", "input"))}) for name, number in self.units.items()}
        server = ModbusTcpServer(ModbusServerContext(slaves=slaves, single=False), address=("127.0.0.1", self.port), allow_reuse_address=True)
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
        self.ready.set()
        await task


class Speaker:
    """What says the same again and again to whoever connects: a scale, a scanner."""

    def __init__(self, *frames):
        self.frames = frames
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            link, _ = self.listener.accept()
            threading.Thread(target=self.speak, args=(link,), daemon=True).start()

    def speak(self, link):
        try:
            for turn in range(10**9):
                link.sendall(self.frames[turn % len(self.frames)])
                time.sleep(0.2)
        except OSError:
            pass


class Plc:
    """What comes in over TCP in whole messages: `whole(held)` is how long the first is, `answer(message)` what goes back."""

    def __init__(self):
        self.server = Server(self.feed)
        self.port = self.server.port

    def feed(self, held):
        back = b""
        while (size := self.whole(held)) and len(held) >= size:
            back += self.answer(held[:size])
            held = held[size:]
        return held, back


class Siemens(Plc):
    """A CPU with one data block, as RFC 1006 and recorded S7 messages have it: connects, agrees on 240 bytes, is read."""

    BLOCK = struct.pack(">BxhiiffhhBB20s", 0b10001, 2, 4000, 40, 21.5, 20.0, 7, 123, 20, 5, b"WO-42")

    @staticmethod
    def whole(held):
        return struct.unpack(">H", held[2:4])[0] if len(held) >= 4 else 0

    def answer(self, message):
        if message[5] == 0xE0:
            back = bytes([message[4], 0xD0]) + message[8:10] + b"\x00\x01" + message[10:]
        else:
            reference, size = message[11:13], struct.unpack(">H", message[13:15])[0]
            asked = message[17:17 + size]
            data = self.read(asked) if asked[0] == 0x04 else b""
            said = asked[:2] if asked[0] == 0x04 else asked[:6] + b"\x00\xf0"
            back = b"\x02\xf0\x80\x32\x03\x00\x00" + reference + struct.pack(">HHH", len(said), len(data), 0) + said + data
        return struct.pack(">BxH", 3, len(back) + 4) + back

    def read(self, asked):
        items = []
        for i in range(asked[1]):
            _, _, _, kind, count, block, area, at = struct.unpack(">BBBBHHB3s", asked[2 + 12 * i:14 + 12 * i])
            at = int.from_bytes(at, "big")
            if block != 100 or area != 0x84:
                items.append(b"\x0a\x00\x00\x00")
                continue
            if kind == 1:
                items.append(b"\xff\x03\x00\x01" + bytes([self.BLOCK[at // 8] >> at % 8 & 1]))
                continue
            size = count * {2: 1, 4: 2, 6: 4}[kind]
            found = self.BLOCK[at // 8:at // 8 + size]
            items.append(b"\xff\x04" + struct.pack(">H", 8 * size) + found)
        return b"".join(item + b"\x00" * (len(item) % 2) for item in items[:-1]) + items[-1]


class Mitsubishi(Plc):
    """An FX5U that is asked by frame 3E in binary: batches of words and bits."""

    WORDS = {0: 1, 2: 4464, 3: 1, 4: 12, 6: 1234, 8: 0, 10: 455, 12: 520, **{100 + i: word for i, word in enumerate(struct.unpack("<3H", b"LID-A\x00"))}}
    BITS = {0x90: {0, 1}, 0x9C: {8}}  # M0, M1; X10, which is octal

    @staticmethod
    def whole(held):
        return 9 + struct.unpack("<H", held[7:9])[0] if len(held) >= 9 else 0

    def answer(self, message):
        command, sub = struct.unpack("<HH", message[11:15])
        data, code = b"", 0xC059
        if command == 0x0401 and sub in (0, 1):
            at, kind, count = int.from_bytes(message[15:18], "little"), message[18], struct.unpack("<H", message[19:21])[0]
            code = 0
            bits = self.BITS.get(kind)
            if sub == 1:
                both = [int(at + i in bits) for i in range(count)] + [0]
                data = bytes(both[i] << 4 | both[i + 1] for i in range(0, count, 2))
            elif bits is None:
                data = b"".join(struct.pack("<H", self.WORDS.get(at + i, 0)) for i in range(count))
            else:
                data = b"".join(struct.pack("<H", sum(1 << b for b in range(16) if at + 16 * i + b in bits)) for i in range(count))
        return b"\xd0\x00" + message[2:7] + struct.pack("<HH", len(data) + 2, code) + data


def toledo(weight, tare, status=0x30, point=0x2C):
    frame = b"\x02" + bytes([point, status, 0x20]) + b"%06d%06d\r" % (weight, tare)
    return frame + bytes([-sum(frame) % 128])


def make(program, template, row, dry=False):
    report = program.post(f"/api/v1/device_templates/{urllib.parse.quote(template)}:make?dry_run={int(dry)}", {"rows": [row]})
    assert not report["counts"]["refused"] and report["stored"] != dry, (template, row, report)


def links(program, template, row):
    """By every link that it offers, with what that link wants."""
    parameters = {one["name"]: one for one in program.get(f"/api/v1/device_templates/{urllib.parse.quote(template)}")["spec"]["parameters"]}
    for link in parameters.get("link", {}).get("choices", []):
        where = {"host": None, "port": None}
        if link.endswith("_serial") or link == "modbus_rtu":
            where["serial_port"] = "/dev/ttyUSB7"
        elif link.endswith("_dtu"):
            where["registration"] = template
        else:
            where |= {"host": "192.0.2.9", "port": 4001}
        make(program, template, {**row, **where, "link": link, "path": f"try/{template}", "line": f"try-{template}"}, dry=True)


def read(program, package, wanted):
    for key, value in wanted.items():
        tag = f"library/{package}.{key}"

        def is_there():
            last = program.last(tag)
            if not last or last[1] != "good" or type(value) in (bool, str):
                return last == [value, "good"]
            return abs(last[0] - value) < 1e-6 * max(1, abs(value))
        try:
            wait_for(f"{tag} = {value}", is_there, 60)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {program.last(tag)}") from None


def device(program, package, template, row, wanted):
    row = {"path": f"library/{package}", **({"line": f"library-{package}"} if row else {}), **row}
    links(program, template, row)
    make(program, template, row)
    read(program, package, wanted)


def by_modbus(program):
    machines = Machines()
    machines.start()
    assert machines.ready.wait(30), "pymodbus does not serve"
    for package, (template, _, wanted) in sorted(MODBUS.items()):
        unit = machines.units[package]
        if template:
            more = {"scale": 0.1} if package == "omron-e5cc" else {}
            device(program, package, template, {"link": "modbus_tcp", "host": "127.0.0.1", "port": machines.port, "unit": unit, **more}, wanted)
            continue
        program.put("connections", f"library-{package}", {"protocol": "modbus_tcp", "host": "127.0.0.1", "port": machines.port})
        program.put("devices", f"library/{package}", {"type": package.replace("-", "_"), "connection": f"library-{package}", "unit_id": unit})
        read(program, package, wanted)


def by_others(program):
    class Meter(Meters):
        VALUES = {at: bytes.fromhex(value) for at, value in METER.items()}
    meter = Server(Meter(["000012345678"]).answer)
    row = {"link": "dlt645_tcp", "host": "127.0.0.1", "port": meter.port, "station": "12345678", "ct": 40, "power_ratio": 40}
    device(program, "dlt645-2007-meter", "dlt645-meter", row, {
        "energy_import": 4938271.2, "energy_sharp": 40000, "energy_valley": 160000, "voltage_a": 220.1, "voltage_b": 219.9, "current_a": 200, "power": 410, "power_factor": 0.95, "frequency": 50})
    adapter = Adapter()
    adapter.known = {"avail": "AVAILABLE", "execution": "ACTIVE", "estop": "ARMED", "mode": "AUTOMATIC", "program": "O1234", "PartCountAct": "17", "Fovr": "80",
                     "S1speed": "2500", "S1load": "35.5", "Xabs": "1.5", "system": "NORMAL||||"}
    device(program, "mtconnect-cnc", "mtconnect-cnc", {"host": "127.0.0.1", "port": adapter.port}, {
        "state": "run", "mode": "AUTOMATIC", "program": "O1234", "part_count": 17, "feed_override": 80, "spindle_load": 35.5, "x_position": 1.5, "alarm_level": "NORMAL"})
    scale = Speaker(toledo(123450, 5000))
    device(program, "toledo-continuous-scale", "toledo-continuous-scale", {"link": "frames_tcp", "host": "127.0.0.1", "port": scale.port}, {
        "weight": 1234.5, "tare": 50, "net": False})
    scale.frames = (toledo(1200, 5000, status=0x33),)
    read(program, "toledo-continuous-scale", {"weight": -12, "net": True})
    scanner = Speaker(b"6901234567892\r\n")
    device(program, "barcode-scanner", "barcode-scanner", {"link": "frames_tcp", "host": "127.0.0.1", "port": scanner.port}, {"code": "6901234567892"})


def by_plcs(program):
    device(program, "s7-line-cell", "s7-line-cell", {"host": "127.0.0.1", "port": Siemens().port}, {
        "running": True, "fault": False, "safety_ok": True, "mode": 2, "good_count": 4000, "bad_count": 40, "cycle_time": 21.5, "target_cycle": 20, "alarm": 7,
        "heartbeat": 123, "order": "WO-42"})
    device(program, "fx5u-machine", "fx5u-machine", {"host": "127.0.0.1", "port": Mitsubishi().port}, {
        "running": True, "automatic": True, "alarm": False, "door_closed": True, "good_count": 70000, "bad_count": 12, "cycle_time": 12.34, "temperature": 45.5,
        "air_pressure": 0.52, "program": "LID-A"})


def by_themselves(program):
    device(program, "euromap77-moulder", "euromap77-moulder", {}, {})
    program.put("devices", "library/vibration-mqtt", {"type": "vibration_sensor"})
    moulder = {"job_status": 6, "last_cycle_time": 31250.5, "barrel_1_actual_temperature": 221.5}
    for package, values in (("euromap77-moulder", moulder), ("vibration-mqtt", {"velocity": 2.5})):
        program.post("/api/v1/write/json", [{"tag": f"library/{package}.{key}", "value": value} for key, value in values.items()])
        read(program, package, values)


def main():
    logging.disable(logging.CRITICAL)  # pymodbus tells of each link that ends
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-library-"))
    packages = {path.name for path in (SOURCE / "library/packages").iterdir()}
    tried = {*MODBUS, "dlt645-2007-meter", "mtconnect-cnc", "toledo-continuous-scale", "barcode-scanner", "s7-line-cell", "fx5u-machine", "euromap77-moulder",
             "vibration-mqtt", "demo-plant"}
    assert packages == tried, f"not tried here, or no more there: {packages ^ tried}"
    subprocess.run([sys.executable, str(SOURCE / "tools/packages.py"), str(PROGRAM), str(folder)], check=True, capture_output=True)
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        program.call("POST", "/api/v1/apply", (folder / "build.trust.yaml").read_text())
        server = ("--server", program.url, "--user", "admin", "--password-file", str(program.folder / "password"))
        done = subprocess.run([str(PROGRAM), "package", "install", *map(str, sorted(folder.glob("*.gspkg"))), *server], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert {item["name"] for item in program.get("/api/v1/packages")["items"]} == packages
        by_modbus(program)
        by_others(program)
        by_plcs(program)
        by_themselves(program)
        # The drive's fault is an alarm, the boiler's cut-out is none.
        raised = wait_for("the drive's alarm", lambda: {a["rule"] for a in program.get("/api/v1/alarms?state=active")["alarms"]} & {"delta-fault"}, 60)
        assert raised == {"delta-fault"}
        for name in sorted(packages):
            found = program.post(f"/api/v1/packages/{name}:verify")
            assert found["problem"] == "" and all(one["passed"] for one in found["tests"]), found
            assert all(step["what"] == "unchanged" for step in found["steps"]), (name, found["steps"])
        told = [item for item in program.get("/api/v1/status/virtual_tags")["items"] if item["path"].startswith("library/") and item["state"] != "running"]
        assert not told, told
    print("library: ok")


if __name__ == "__main__":
    main()
