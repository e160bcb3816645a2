#!/usr/bin/env python3
"""The program beside an outstation of IEC 60870-5-104 whose frames Scapy makes and reads (Debian's python3-scapy): values, stamps, qualities, commands
direct and with select before execute, refusals; the outstation is switched off and on again and again, and stands still with its link open.

    substation_test.py [--cycles 3]
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
from iec104_test import ACT, CON, NO_ADDRESS, REQUESTED, SPONTANEOUS, STATION, TERM, End, iec104, io_of  # noqa: E402
from rtu_test import cycles, few, newest, on_the_way, status  # noqa: E402

NO_STATION, COUNTERS = 46, 37


def stamp():
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"sec_milli": now.second * 1000 + now.microsecond // 1000, "minutes": now.minute, "hours": now.hour, "day_of_month": now.day,
            "month": now.month, "year": now.year % 100, "weekday": now.isoweekday()}


class Link(End):
    """One link to the outstation; numbers and acknowledgements are its own."""

    def __init__(self, station, connection):
        super().__init__(connection)
        self.connection.settimeout(None)
        self.station, self.started = station, False
        self.lock = threading.RLock()

    def run(self):
        try:
            while (frame := self.frame()) is not None:
                with self.station.lock:
                    if not self.station.frozen:
                        self.on_frame(frame)
        except OSError:
            pass
        except Exception as fault:  # noqa: BLE001 - told by the main thread
            self.station.faults.append(repr(fault))

    def on_frame(self, frame):
        if isinstance(frame, iec104.IEC104_U_Message):
            for what in ("startdt", "stopdt", "testfr"):
                if getattr(frame, f"{what}_act"):
                    self.station.controls.append(what)
                    self.control(**{f"{what}_con": 1})
            self.started |= bool(frame.startdt_act)
        elif not isinstance(frame, iec104.IEC104_S_Message):
            self.on_message(frame)
            self.acknowledge()

    def on_message(self, frame):
        asked, kind = frame.io[0], iec104.IEC104_IO_NAMES[frame.type_id]
        self.station.asked.append(kind)
        assert frame.origin_address == 5, f"originator {frame.origin_address}"
        if frame.common_asdu_address != 1:
            refusal = iec104.IEC104_I_Message_SingleIOA(tx_seq_num=self.sent, rx_seq_num=self.received, cot=NO_STATION, ack=1, io=[asked],
                                                        common_asdu_address=frame.common_asdu_address)
            self.sent += 1
            return self.connection.sendall(bytes(refusal))
        if kind == "C_IC_NA_1":
            self.tell(CON, [asked])
            for address in sorted(self.station.points):
                self.tell(STATION, [self.station.object_of(address)])
            return self.tell(TERM, [asked])
        if kind == "C_CI_NA_1":
            self.tell(CON, [asked])
            self.tell(COUNTERS, [io_of("M_IT_NA_1", 25601, counter_value=self.station.total)])
            return self.tell(TERM, [asked])
        if kind == "C_RD_NA_1":
            return self.tell(REQUESTED, [self.station.object_of(asked.information_object_address)])
        if kind == "C_CS_NA_1":
            return self.tell(CON, [asked])
        return self.on_order(kind, asked)

    def on_order(self, kind, asked):
        station, address = self.station, asked.information_object_address
        if address not in station.orders:
            return self.tell(NO_ADDRESS, [asked], negative=1)
        if station.local:
            return self.tell(CON, [asked], negative=1)
        select = asked.getfieldval("s_or_e" if "s_or_e" in asked.fields else "action")
        station.carried.append((kind, address, select))
        self.tell(CON, [asked])
        if select:
            return None
        value = next(asked.getfieldval(name) for name in ("scs", "dcs", "rcs", "scaled_value", "normed_value") if name in asked.fields)
        told = station.orders[address]
        if told is not None:
            station.put(told, value)
        return self.tell(TERM, [asked])


class Substation:
    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.lock = threading.RLock()
        # address: type, name of the value, value
        self.points = {1: ["M_SP_NA_1", "spi_value", 1], 2: ["M_DP_NA_1", "dpi_value", 1], 3: ["M_ST_NA_1", "value", 5],
                       4001: ["M_ME_NC_1", "scaled_value", 110.5], 4002: ["M_ME_NA_1", "normed_value", -16384], 4003: ["M_ME_NB_1", "scaled_value", 0]}
        self.orders = {6001: 1, 6002: 2, 6201: 4003, 6202: None}  # address: where it is told
        self.links, self.faults, self.asked, self.carried, self.controls = [], [], [], [], []
        self.total, self.frozen, self.local, self.listener = 1234, False, False, None
        self.on()
        threading.Thread(target=self.count, daemon=True).start()

    def object_of(self, address, timed=False):
        kind, name, value = self.points[address]
        if not timed:
            return io_of(kind, address, **{name: value})
        kind = {"M_SP_NA_1": "M_SP_TB_1", "M_DP_NA_1": "M_DP_TB_1", "M_ST_NA_1": "M_ST_TB_1", "M_ME_NC_1": "M_ME_TF_1", "M_ME_NA_1": "M_ME_TD_1",
                "M_ME_NB_1": "M_ME_TE_1"}[kind]
        return io_of(kind, address, **{name: value}, **stamp())

    def put(self, address, value):
        with self.lock:
            self.points[address][2] = value
            self.tell([self.object_of(address, timed=True)])

    def tell(self, objects):
        with self.lock:
            for link in list(self.links):
                try:
                    if link.started and not self.frozen:
                        link.tell(SPONTANEOUS, objects)
                except OSError:
                    pass

    def on(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def off(self):
        self.hang_up(self.listener)
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            self.hang_up(link.connection)

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
                connection, _ = listener.accept()
            except OSError:
                return
            link = Link(self, connection)
            with self.lock:
                self.links.append(link)
            threading.Thread(target=link.run, daemon=True).start()

    def count(self):
        for number in range(10**9):
            time.sleep(0.2)
            with self.lock:
                self.points[4001][2] = 110 + number % 100 / 4
                self.tell([self.object_of(4001, timed=True)])


PROPERTIES = [
    {"name": "alarm", "type": "boolean", "writable": True, "point": {"at": "1", "write": "6001"}},
    {"name": "breaker", "type": "boolean", "writable": True, "point": {"at": "M_DP 2", "write": "C_DC 6002 select"}},
    {"name": "tap", "type": "integer", "point": {"at": "0.0.3", "as": "M_ST"}},
    {"name": "voltage", "type": "number", "unit": "kV", "point": {"at": "1/4001"}},
    {"name": "power", "type": "number", "unit": "MW", "point": {"at": "M_ME_NA 4002", "scale": 200}},
    {"name": "target", "type": "number", "writable": True, "max": 100, "point": {"at": "M_ME_NB 4003", "write": "C_SE_NB 6201"}},
    {"name": "energy", "type": "integer", "point": {"at": "M_IT 25601"}}]


def value_of(program, tag, want):
    wait_for(f"{tag} is {want}", lambda: program.last(tag) == want, 30)


def order(program, name, value):
    return program.post("/api/v1/devices/grid%2Fbay1:write", {"property": name, "value": value, "reason": "test"})


def substation(program, count):
    station = Substation()
    spec = {"protocol": "iec104", "host": "127.0.0.1", "port": station.port, "originator": 5, "t1_s": 3, "t2_s": 1, "t3_s": 2, "counters_minutes": 60,
            "clock_minutes": 60, "writes_enabled": True}
    program.put("connections", "rtu", spec)
    program.put("device_types", "bay", {"properties": PROPERTIES})
    program.put("devices", "grid/bay1", {"type": "bay", "connection": "rtu", "station": "1"})
    for name, value in (("alarm", True), ("breaker", False), ("tap", 5), ("power", -100), ("target", 0), ("energy", 1234)):
        value_of(program, f"grid/bay1.{name}", [value, "good"])
    assert {"C_CS_NA_1", "C_IC_NA_1", "C_CI_NA_1"} <= set(station.asked), station.asked

    # Spontaneous, with the outstation's own time.
    before = stamp()
    station.put(1, 0)
    value_of(program, "grid/bay1.alarm", [False, "good"])
    assert int(newest(program, "grid/bay1.alarm")[0]) % 1_000_000 == 0, "the stamp has milliseconds"
    assert before["year"] > 0
    station.tell([io_of("M_SP_NA_1", 1, spi_value=1, sb=1)])
    value_of(program, "grid/bay1.alarm", [True, "uncertain:manual"])
    station.tell([io_of("M_ME_NA_1", 4002, normed_value=1, iv=1)])
    wait_for("an invalid value", lambda: program.last("grid/bay1.power")[1] == "bad:sensor")

    # Commands.
    result = order(program, "alarm", True)
    assert result["done"] and result["read_back"] is True, result
    result = order(program, "breaker", True)
    assert result["done"] and result["read_back"] is True, result
    assert station.carried == [("C_SC_NA_1", 6001, 0), ("C_DC_NA_1", 6002, 1), ("C_DC_NA_1", 6002, 0)], station.carried
    result = order(program, "target", 42)
    assert result["done"] and result["read_back"] == 42, result
    station.orders[6002] = None  # confirmed, but nothing moves
    result = order(program, "breaker", False)
    assert not result["done"] and "reads back true instead of false" in result["error"], result
    station.orders[6002] = 2
    station.local = True
    result = order(program, "breaker", False)
    assert not result["done"] and "switched to local" in result["error"], result
    station.local = False
    del station.orders[6001]
    result = order(program, "alarm", False)
    assert not result["done"] and "no such object address" in result["error"], result

    # What cannot be is told; a new point needs no new link.
    starts = station.controls.count("startdt")
    station.points[7] = ["M_SP_NA_1", "spi_value", 1]
    program.put("device_types", "bay", {"properties": PROPERTIES + [{"name": "door", "type": "boolean", "point": {"at": "7"}},
                                                                    {"name": "typo", "type": "boolean", "point": {"at": "8"}}]})
    value_of(program, "grid/bay1.door", [True, "good"])
    wait_for("a point that is not there", lambda: (program.last("grid/bay1.typo") or ["", ""])[1] == "bad:silent")
    assert station.controls.count("startdt") == starts, "the link was opened anew"
    program.put("devices", "grid/bay2", {"type": "bay", "connection": "rtu", "station": "2"})
    wait_for("another outstation", lambda: (program.last("grid/bay2.alarm") or ["", ""])[1] == "bad:refused")
    assert "no outstation has this common address" in status(program, "rtu")["last_error"], status(program, "rtu")
    program.call("DELETE", "/api/v1/devices/grid%2Fbay2")

    report = program.post("/api/v1/connections/rtu:test")
    values = {each["tag"]: each for each in report["values"]}
    assert values["grid/bay1.tap"]["value"] == 5 and values["grid/bay1.energy"]["value"] == 1234, report
    assert not report["ok"] and any("1/8" in step["detail"] for step in report["steps"]), report
    program.put("device_types", "bay", {"properties": PROPERTIES})
    assert program.post("/api/v1/connections/rtu:test")["ok"]

    cycles(program, "an outstation", "grid/bay1.voltage", count, station.off, station.on)

    def freeze():
        station.frozen = True

    def thaw():
        station.frozen = False
        station.off()
        station.on()
    cycles(program, "an outstation that hangs", "grid/bay1.voltage", 1, freeze, thaw)
    wait_for("a test frame", lambda: "testfr" in station.controls or status(program, "rtu")["counters"]["timeouts"] > 0)
    on_the_way(program, "an outstation", "rtu", "grid/bay1.voltage", station.port, few(count))
    assert station.faults == [], station.faults
    station.off()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    options = parser.parse_args()
    with Program(args=["--allow-target", "127.0.0.1"]) as program:
        substation(program, options.cycles)
    print("an outstation is heard and operated, and comes back by itself")


if __name__ == "__main__":
    main()
