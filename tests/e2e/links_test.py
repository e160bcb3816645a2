#!/usr/bin/env python3
"""Links heal alone: a simulated machine is power-cycled and the server restarted (killed, every second time) again and
again; each time readings come back by themselves, the gap is marked bad, and no good reading lies inside it.

    links_test.py [--cycles 3] [--restarts 3]
"""
import argparse
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM, SOURCE, Program, Refused, wait_for  # noqa: E402
from rtu_test import few, on_the_way  # noqa: E402

TAG = "demo/machining/line1/cnc1.spindle_speed"
DEVICE = "demo/machining/line1/cnc1"


class Plant:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-plant-"))
        ready = self.folder / "ready.json"
        self.process = subprocess.Popen([str(PROGRAM), "plant", "--modbus", "127.0.0.1:0", "--control", "127.0.0.1:0", "--faults", "none",
                                         "--ready-json", str(ready)], stderr=subprocess.DEVNULL)
        wait_for("the simulated plant", lambda: ready.exists() and ready.read_text().strip().endswith("}"), 60)
        self.ready = json.loads(ready.read_text())

    def say(self, line):
        host, port = self.ready["control"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), 10) as link:
            link.sendall((line + "\n").encode())
            answer = b""
            while not (answer.endswith(b"ok\n") or b"error" in answer):
                piece = link.recv(4096)
                if not piece:
                    break
                answer += piece
        assert b"error" not in answer, answer
        return answer.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def newest(program):
    try:
        return program.get(f"/api/v1/last?tag={TAG}")["series"][0]["rows"][0]
    except Refused as error:
        if error.status != 404:
            raise
        return [0, None, "bad"]


def good_after(program, moment):
    row = newest(program)
    return int(row[0]) > moment and row[2].startswith("good")


def state(program):
    return next(item["state"] for item in program.get("/api/v1/status/connections")["items"] if item["name"] == "demo-cnc1")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--restarts", type=int, default=3)
    options = parser.parse_args()
    with Plant() as plant, Program(args=["--allow-target", "127.0.0.1"]) as program:
        secret = program.folder / "password"
        subprocess.run([str(PROGRAM), "apply", "-f", str(SOURCE / "library/demo"), "--server", program.url, "--user", "admin",
                        "--password-file", str(secret)], check=True, stdout=subprocess.DEVNULL)
        for name, address in plant.ready["modbus"].items():
            host, port = address.rsplit(":", 1)
            program.call("PATCH", f"/api/v1/connections/demo-{name}", {"host": host, "port": int(port)})
        wait_for("first readings", lambda: good_after(program, 0), 30)
        began = time.time_ns()
        gaps = []
        for cycle in range(options.cycles):
            off = time.time_ns()
            plant.say("power cnc1 off")
            wait_for(f"cycle {cycle + 1}: the link seen down", lambda: state(program) != "up", 30)
            wait_for(f"cycle {cycle + 1}: a bad reading that marks the gap", lambda: newest(program)[2].startswith("bad"), 30)
            on = time.time_ns()
            plant.say("power cnc1 on")
            wait_for(f"cycle {cycle + 1}: readings again", lambda: good_after(program, on), 60)
            gaps.append((off, on))
            print(f"cycle {cycle + 1}: back {(time.time_ns() - on) / 1e9:.1f} s after power")
        for restart in range(options.restarts):
            program.kill() if restart % 2 else program.stop()
            down = time.time_ns()
            program.start()
            wait_for(f"restart {restart + 1}: readings again", lambda: good_after(program, down), 60)
            print(f"restart {restart + 1}: back")
        host, port = plant.ready["modbus"]["cnc1"].rsplit(":", 1)
        on_the_way(program, "Modbus TCP", "demo-cnc1", TAG, int(port), few(options.cycles))
        rows = program.read(TAG, began, time.time_ns() + 10**9)
        margin = 1_500_000_000  # what was asked before the power went may still be answered
        for off, on in gaps:
            inside = [row for row in rows if off + margin < int(row[0]) < on and row[2].startswith("good")]
            assert not inside, f"invented while the machine was off: {inside[:3]}"
            assert any(off <= int(row[0]) <= on + margin and row[2].startswith("bad") for row in rows), \
                f"the gap {off} … {on} is not marked: {[row for row in rows if off - 2 * margin < int(row[0]) < on + 2 * margin]}"
        times = [int(row[0]) for row in rows]
        assert times == sorted(set(times)), "times repeat or run back"
        assert program.get("/healthz", user=None)["status"] == "ok"
    print(f"{options.cycles} power cycles, {options.restarts} restarts: healed alone, gaps bad, nothing invented")


if __name__ == "__main__":
    main()
