#!/usr/bin/env python3
"""IEC 60870-5-104 against others, over real sockets: every frame of the other end is made and read by Scapy's codec (Debian's
python3-scapy; neither Debian nor npm has a whole outstation). Numbers and acknowledgements of that end are kept here.

    iec104_test.py build/dev/tests/iec104_peer
"""
import json
import logging
import socket
import subprocess
import sys
import threading

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib.scada import iec104  # noqa: E402

TIME = {"sec_milli": 45678, "minutes": 34, "hours": 12, "day_of_month": 26, "month": 11, "year": 26, "weekday": 4}
ACT, CON, DEACT, TERM, REQUESTED, SPONTANEOUS, STATION, COUNTERS, NO_ADDRESS = 6, 7, 8, 10, 5, 3, 20, 37, 47


def expect(what, got, want):
    assert got == want, f"{what}:\n  {got!r}\nbut expected\n  {want!r}"


def io_of(type_name, address, **fields):
    return getattr(iec104, f"IEC104_IO_{type_name}_IOA")(information_object_address=address, **fields)


class End:
    """One end of a link: frames by Scapy, numbers by itself."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(20)
        self.buffer = b""
        self.sent = self.received = self.acknowledged = 0
        self.controls = []

    def take(self, count):
        while len(self.buffer) < count:
            more = self.connection.recv(4096)
            if not more:
                return None
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def frame(self):
        head = self.take(2)
        if head is None:
            return None
        frame = iec104.iec104_decode(head + self.take(head[1]))
        assert not isinstance(frame, iec104.conf.raw_layer), f"Scapy does not understand {head.hex()}"
        assert not frame.payload, f"Scapy finds {bytes(frame.payload).hex()} behind {frame.summary()}"
        if hasattr(frame, "rx_seq_num"):
            assert self.acknowledged <= frame.rx_seq_num <= self.sent, (self.acknowledged, frame.rx_seq_num, self.sent)
            self.acknowledged = frame.rx_seq_num
        if hasattr(frame, "tx_seq_num"):
            expect("the number of an I frame", frame.tx_seq_num, self.received)
            self.received += 1
        return frame

    def control(self, **bits):
        self.connection.sendall(bytes(iec104.IEC104_U_Message(**bits)))

    def tell(self, cause, objects, sequence_from=None, negative=0):
        fields = {"tx_seq_num": self.sent, "rx_seq_num": self.received, "cot": cause, "common_asdu_address": 1, "ack": negative, "io": objects}
        if sequence_from is None:
            message = iec104.IEC104_I_Message_SingleIOA(**fields)
        else:
            message = iec104.IEC104_I_Message_SeqIOA(information_object_address=sequence_from, **fields)
        self.sent += 1
        self.connection.sendall(bytes(message))

    def acknowledge(self):
        self.connection.sendall(bytes(iec104.IEC104_S_Message(rx_seq_num=self.received)))


class Station(End):
    """An outstation: answers until the client has stopped."""

    def __init__(self, connection):
        super().__init__(connection)
        self.asked = []
        self.faults = []

    def run(self):
        try:
            while (frame := self.frame()) is not None:
                if isinstance(frame, iec104.IEC104_U_Message):
                    self.on_control(frame)
                elif not isinstance(frame, iec104.IEC104_S_Message):
                    self.on_message(frame)
        except Exception as fault:  # noqa: BLE001 - told by the main thread
            self.faults.append(repr(fault))
        finally:
            self.connection.close()

    def on_control(self, frame):
        for what in ("startdt", "stopdt", "testfr"):
            if getattr(frame, f"{what}_act"):
                self.controls.append(what)
                self.control(**{f"{what}_con": 1})
        if frame.testfr_act and self.controls.count("testfr") == 1:
            self.tell(SPONTANEOUS, [io_of("M_SP_TB_1", 11, spi_value=1, **TIME)])
            self.tell(SPONTANEOUS, [io_of("M_EP_TD_1", 12)])  # protection equipment: not known to us
            self.tell(SPONTANEOUS, [io_of("M_ME_TF_1", 13, scaled_value=-0.25, iv=1, **TIME)])

    def on_message(self, frame):
        object_ = frame.io[0]
        self.asked.append((iec104.IEC104_IO_NAMES[frame.type_id], frame.cot, object_.information_object_address))
        if frame.type_id == iec104.IEC104_IO_ID_C_IC_NA_1:
            expect("the qualifier", object_.qoi, 20)
            self.tell(CON, [object_])
            self.points()
            self.tell(TERM, [object_])
        elif frame.type_id == iec104.IEC104_IO_ID_C_CI_NA_1:
            expect("the group", (object_.rqt, object_.frz), (5, 0))
            self.tell(CON, [object_])
            self.tell(COUNTERS, [io_of("M_IT_NA_1", 0x6401, counter_value=-7, sq=3, cy=1), io_of("M_IT_NA_1", 0x6402, counter_value=9, iv=1)])
            self.tell(TERM, [object_])
        elif frame.type_id == iec104.IEC104_IO_ID_C_RD_NA_1:
            self.tell(REQUESTED, [io_of("M_ME_NC_1", object_.information_object_address, scaled_value=1.5)])
        elif frame.type_id == iec104.IEC104_IO_ID_C_CS_NA_1:
            expect("the time", {name: getattr(object_, name) for name in TIME}, TIME)
            self.tell(CON, [object_])
        elif frame.type_id == iec104.IEC104_IO_ID_C_TS_TA_1:
            expect("the counter of the test", object_.tsc, 513)
            self.tell(CON, [object_])
        else:
            self.on_order(frame, object_)

    def on_order(self, frame, object_):
        if object_.information_object_address == 99:
            return self.tell(NO_ADDRESS, [object_], negative=1)
        selects = object_.getfieldval("s_or_e" if "s_or_e" in object_.fields else "action")
        value = next(name for name in ("scs", "dcs", "scaled_value") if name in object_.fields)
        self.asked[-1] += (selects, object_.fields[value])
        self.tell(CON, [object_])
        if not selects:
            self.tell(TERM, [object_])

    def points(self):
        self.tell(STATION, [io_of("M_SP_NA_1", 1, spi_value=1), io_of("M_SP_NA_1", 2, iv=1, nt=1)])
        self.tell(STATION, [iec104.IEC104_IO_M_SP_NA_1(spi_value=1, bl=1), iec104.IEC104_IO_M_SP_NA_1(spi_value=0)], sequence_from=500)
        self.tell(STATION, [io_of("M_DP_NA_1", 3, dpi_value=2), io_of("M_DP_NA_1", 4, dpi_value=0), io_of("M_DP_NA_1", 5, dpi_value=3)])
        self.tell(STATION, [io_of("M_ST_NA_1", 6, value=-5), io_of("M_ST_NA_1", 7, value=63, transient_state=1)])
        self.tell(STATION, [io_of("M_ME_NA_1", 8, normed_value=-16384), io_of("M_ME_NA_1", 9, normed_value=32767, ov=1)])
        self.tell(STATION, [io_of("M_ME_NB_1", 10, scaled_value=-300, sb=1)])
        self.tell(STATION, [io_of("M_ME_ND_1", 14, normed_value=8192)])
        self.tell(STATION, [io_of("M_DP_TB_1", 15, dpi_value=1, iv_time=1, **TIME)])
        self.tell(STATION, [io_of("M_ME_TD_1", 16, normed_value=16384, su=1, **TIME), io_of("M_ME_TD_1", 17, normed_value=1, nt=1, **TIME)])
        self.tell(STATION, [io_of("M_ME_TE_1", 18, scaled_value=12, **TIME)])
        self.tell(STATION, [io_of("M_ST_TB_1", 19, value=1, **TIME)])
        self.tell(STATION, [io_of("M_IT_TB_1", 20, counter_value=2147483647, **TIME)])


SCRIPT = """interrogate 1
counters 1
read 1/16385
clock 1
test 1
select C_SC_NA_1 1/24577 1
order C_DC_NA_1 1/24578 2
select C_SE_NC_1 1/25089 -1.5
select C_SC_TA_1 1/24577 1
order C_SC_NA_1 1/99 1
hear 2
stop
"""
TOLD = """up
confirmed
M_SP_NA_1 1/1 = 1 good (interrogated by station)
M_SP_NA_1 1/2 = 0 bad:sensor (interrogated by station)
M_SP_NA_1 1/500 = 1 uncertain:stopped (interrogated by station)
M_SP_NA_1 1/501 = 0 good (interrogated by station)
M_DP_NA_1 1/3 = 2 good (interrogated by station)
M_DP_NA_1 1/4 = 0 uncertain:unstable (interrogated by station)
M_DP_NA_1 1/5 = 3 bad:sensor (interrogated by station)
M_ST_NA_1 1/6 = -5 good (interrogated by station)
M_ST_NA_1 1/7 = 63 uncertain:unstable (interrogated by station)
M_ME_NA_1 1/8 = -0.5 good (interrogated by station)
M_ME_NA_1 1/9 = 0.999969482421875 bad:range (interrogated by station)
M_ME_NB_1 1/10 = -300 uncertain:manual (interrogated by station)
M_ME_ND_1 1/14 = 0.25 good (interrogated by station)
M_DP_TB_1 1/15 = 1 uncertain:clock (interrogated by station)
M_ME_TD_1 1/16 = 0.5 good (interrogated by station) 2026-11-26T11:34:45.678Z
M_ME_TD_1 1/17 = 3.0517578125e-05 uncertain:silent (interrogated by station) 2026-11-26T12:34:45.678Z
M_ME_TE_1 1/18 = 12 good (interrogated by station) 2026-11-26T12:34:45.678Z
M_ST_TB_1 1/19 = 1 good (interrogated by station) 2026-11-26T12:34:45.678Z
M_IT_TB_1 1/20 = 2147483647 good (interrogated by station) 2026-11-26T12:34:45.678Z
ended
confirmed
M_IT_NA_1 1/25601 = -7 good (general counter interrogation)
M_IT_NA_1 1/25602 = 9 bad:sensor (general counter interrogation)
ended
M_ME_NC_1 1/16385 = 1.5 good (requested)
ended
confirmed
ended
confirmed
ended
selected
confirmed
ended
confirmed
ended
selected
confirmed
ended
selected
confirmed
ended
failed: the outstation refuses C_SC_NA_1 at 1/99: the outstation has no such object address
M_SP_TB_1 1/11 = 1 good (spontaneous) 2026-11-26T12:34:45.678Z
M_ME_TF_1 1/13 = -0.25 bad:sensor (spontaneous) 2026-11-26T12:34:45.678Z
down: data transfer was stopped
"""


def our_client_speaks_to_a_station(peer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        talk = subprocess.Popen([peer, "talk", "127.0.0.1:%d" % listener.getsockname()[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        station = Station(listener.accept()[0])
        thread = threading.Thread(target=station.run)
        thread.start()
        told, _ = talk.communicate(SCRIPT, timeout=60)
        thread.join(20)
    expect("faults of the outstation", station.faults, [])
    expect("what our client told", told.splitlines(), TOLD.splitlines())
    expect("what was asked", [each for each in station.asked if each[0] != "C_RD_NA_1"], [
        ("C_IC_NA_1", ACT, 0), ("C_CI_NA_1", ACT, 0), ("C_CS_NA_1", ACT, 0), ("C_TS_TA_1", ACT, 0),
        ("C_SC_NA_1", ACT, 24577, 1, 1), ("C_SC_NA_1", ACT, 24577, 0, 1), ("C_DC_NA_1", ACT, 24578, 0, 2),
        ("C_SE_NC_1", ACT, 25089, 1, -1.5), ("C_SE_NC_1", ACT, 25089, 0, -1.5),
        ("C_SC_TA_1", ACT, 24577, 1, 1), ("C_SC_TA_1", ACT, 24577, 0, 1), ("C_SC_NA_1", ACT, 99)])
    expect("controls", (station.controls[0], station.controls[-1]), ("startdt", "stopdt"))
    assert "testfr" in station.controls, station.controls
    expect("what was acknowledged before the stop", station.acknowledged, station.sent)


def fields_of(object_, names):
    return {name: getattr(object_, name) for name in names}


def a_client_speaks_to_our_station(peer):
    serve = subprocess.Popen([peer, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        port = json.loads(serve.stdout.readline())["port"]
        end = End(socket.create_connection(("127.0.0.1", port)))
        end.control(startdt_act=1)
        assert end.frame().startdt_con
        end.control(testfr_act=1)
        assert end.frame().testfr_con

        def ask(cause, object_, last):
            end.tell(cause, [object_])
            answers = []
            while not answers or answers[-1].cot != last:
                frame = end.frame()
                if not isinstance(frame, iec104.IEC104_S_Message):
                    answers.append(frame)
            return answers
        answers = ask(ACT, io_of("C_IC_NA_1", 0, qoi=20), TERM)
        expect("causes", [each.cot for each in answers], [CON] + [STATION] * 6 + [TERM])
        got = {(iec104.IEC104_IO_NAMES[each.type_id], object_.information_object_address): object_ for each in answers for object_ in each.io}
        want = {("M_SP_NA_1", 1): {"spi_value": 1, "iv": 0}, ("M_SP_NA_1", 2): {"spi_value": 0, "iv": 1, "nt": 1, "bl": 0},
                ("M_DP_TB_1", 3): {"dpi_value": 2, "sb": 1, **TIME}, ("M_ST_NA_1", 4): {"value": -5, "transient_state": 0},
                ("M_ME_NA_1", 0x4001): {"normed_value": -0.5}, ("M_ME_NB_1", 0x4002): {"scaled_value": -300, "ov": 1},
                ("M_ME_NC_1", 0x4003): {"scaled_value": 25.5, "bl": 1}}
        for place, fields in want.items():
            expect(str(place), fields_of(got[place], fields), fields)
        totals = ask(ACT, io_of("C_CI_NA_1", 0, rqt=5), TERM)[1].io[0]
        expect("totals", fields_of(totals, ("counter_value", "sq", "iv")), {"counter_value": 123456, "sq": 9, "iv": 0})
        for select in (1, 0):
            confirmed = ask(ACT, io_of("C_SC_NA_1", 0x6001, scs=1, s_or_e=select), CON if select else TERM)[0]
            expect("a confirmation", (confirmed.cot, confirmed.ack, confirmed.io[0].s_or_e), (CON, 0, select))
        refused = ask(ACT, io_of("C_DC_NA_1", 0x6009, dcs=2), NO_ADDRESS)[0]
        expect("a refusal", (refused.ack, refused.io[0].dcs), (1, 2))
        set_point = ask(ACT, io_of("C_SE_TC_1", 0x6201, scaled_value=2.5, **TIME), TERM)[0]
        expect("a set point", fields_of(set_point.io[0], ("scaled_value", *TIME)), {"scaled_value": 2.5, **TIME})
        clock = ask(ACT, io_of("C_CS_NA_1", 0, **TIME), CON)[0]
        expect("the clock", fields_of(clock.io[0], TIME), TIME)
        end.acknowledge()
        end.control(stopdt_act=1)
        assert end.frame().stopdt_con
        end.connection.close()
    finally:
        serve.terminate()
        serve.wait(20)


if __name__ == "__main__":
    our_client_speaks_to_a_station(sys.argv[1])
    print("our client understands what Scapy makes, and Scapy what it sends")
    a_client_speaks_to_our_station(sys.argv[1])
    print("the same with our side as the outstation")
