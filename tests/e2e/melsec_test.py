#!/usr/bin/env python3
"""The simulated Mitsubishi PLC (made of our own codecs) asked by clients of others over real sockets: npm mcprotocol by the 1E frame in binary and
ASCII, npm melsec-connect by 3E and 4E over TCP and UDP; and its programming port over a pseudo-terminal by a few lines of Python that share no code
with ours. melsec_test.py SIM_MELSEC_SERVER"""
import contextlib
import json
import os
import pathlib
import pty
import subprocess
import sys

import serial

CLIENTS = pathlib.Path(__file__).parents[1] / "clients"


@contextlib.contextmanager
def plc(server, way, frame, coding, family):
    running = subprocess.Popen([server, way, frame, coding, family], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(running.stdout.readline())["port"]
    finally:
        running.terminate()
        running.wait(30)


def ask(port, how):
    env = {**os.environ, "MELSEC": json.dumps(how), "PORT": str(port)}
    done = subprocess.run(["node", "--no-deprecation", str(CLIENTS / "melsec_client.cjs")], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, (how, done.stdout[-2000:], done.stderr[-2000:])
    told = json.loads(done.stdout.splitlines()[-1])
    assert "error" not in told, (how, told)
    return told


def check(how, told, expected):
    for address, value in expected.items():
        found = told["read"].get(address)
        if isinstance(value, float):
            assert abs(found - value) < 1e-6, (how, address, found)
        else:
            assert found == value, (how, address, found, value)
    for address, value in how["write"].items():
        assert told["written"][address] is True, (how, address, told)
        assert told["back"][address] == value, (how, address, told["back"])


def thirds(first, count):
    return [(first + i) % 3 == 0 for i in range(count)]


def one_frame(server):
    expected = {"D0,5": [0, 3, 6, 9, 12], "D100": 300, "D200,70": [i * 3 for i in range(200, 270)], "DFLOAT500": 25.5, "X17": True, "X16": False,
                "M0,28": thirds(0, 28), "M100": False, "M102": True, "TN5": 500, "CN5": 55, "CN220": 12345678, "D3.0,3": [True, False, False]}
    write = {"D600": 1234, "D610,3": [1, 2, 3], "DFLOAT620": -2.5, "M500": True, "M608,5": [True, False, True, True, False], "Y17": True, "CN230": 1234567}
    for coding in ("binary", "ascii"):
        with plc(server, "tcp", "1E", coding, "fx3") as port:
            how = {"client": "mcprotocol", "ascii": coding == "ascii", "read": list(expected), "write": write}
            check(how, ask(port, how), expected)


def newer_frames(server):
    expected = {"D0,5": [0, 3, 6, 9, 12], "D100": 300, "D0,200": [i * 3 for i in range(200)], "DFLOAT500": 25.5, "M0,28": thirds(0, 28), "X17": True,
                "M102": True, "TN5": 500, "CN5": 55}
    write = {"D600": 1234, "D610,3": [1, 2, 3], "DDINT620": -123456, "M500": True, "M608,5": [True, False, True, True, False], "W1A": 77, "Y1F": True}
    for family, kind in (("q_l", "Q"), ("iq_r", "R")):
        for frame in ("3E", "4E"):
            for protocol in ("TCP", "UDP"):
                with plc(server, protocol.lower(), frame, "binary", family) as port:
                    how = {"client": "melsec-connect", "frame": frame, "type": kind, "protocol": protocol, "read": list(expected), "write": write}
                    check(how, ask(port, how), expected)


def message(text):
    inner = text.encode() + b"\x03"
    return b"\x02" + inner + b"%02X" % (sum(inner) & 0xFF)


def programming_port(server, family, d100, m0, force_y0, read, write):
    ours, theirs = pty.openpty()
    running = subprocess.Popen([server, "line", "3E", "binary", family], stdin=ours, stdout=ours)
    os.close(ours)
    try:
        with serial.Serial(os.ttyname(theirs), 9600, timeout=30) as line:  # a pseudo-terminal has no parity
            def talk(sent, bytes_):
                line.write(sent)
                got = line.read(bytes_)
                assert len(got) == bytes_, (sent, got)
                return got
            assert talk(b"\x05", 1) == b"\x06"
            assert talk(message("00E0202"), 8) == message("EC5E"), "D8001 is 24300"
            assert talk(message(f"{read}{d100}04"), 12) == message("2C012F01"), "D100 and D101 are 300 and 303"
            assert talk(message(f"{write}{d100}0234 12".replace(" ", "")), 1) == b"\x06"
            assert talk(message(f"{read}{d100}02"), 8) == message("3412")
            assert talk(message(f"{read}{m0}02"), 8) == message("4992"), "every third of M0 to M15"
            assert talk(message(force_y0), 1) == b"\x06"
            wrong = bytearray(message(f"{read}{d100}02"))
            wrong[-1] ^= 1
            assert talk(bytes(wrong), 1) == b"\x15", "a wrong sum"
            assert talk(message(f"{read}FFF002"), 1) == b"\x15", "nothing lies there"
    finally:
        running.terminate()
        running.wait(30)
        os.close(theirs)


def main():
    server = sys.argv[1]
    one_frame(server)
    newer_frames(server)
    programming_port(server, "fx", "10C8", "0100", "70005", "0", "1")
    programming_port(server, "fx3", "40C8", "8800", "E7005E", "E00", "E10")
    print("melsec: clients of others read and write the simulated PLC by 1E, 3E, 4E and its programming port")


if __name__ == "__main__":
    main()
