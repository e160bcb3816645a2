#!/usr/bin/env python3
"""Acknowledged means durable: kill -9 plus a disk that forgets what was not synced, under MQTT QoS 1 (paho) and HTTP
writes of lines and of columns, again and again; every acknowledged reading is read back. Then a SIGTERM under the same load. With syncs that lie
(--lie) it must find losses.

    durability_test.py LIBRARY [--kills 3] [--lie]
"""
import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from batch import column, frame, steps, varint  # noqa: E402
from forget import ForgetfulDisk  # noqa: E402
from harness import Program, Refused, simple_type, wait_for  # noqa: E402

import paho.mqtt.client as paho  # noqa: E402

BASE = 1_700_000_000_000_000_000
STOP_SECONDS = 20


class MqttLoad:
    """Publishes value = sequence at time BASE + sequence ms, and remembers what the server acknowledged."""

    def __init__(self, program, device, credential, first):
        self.answered, self.sent, self.sequence = [], {}, first
        self.stopped = False
        self.client = paho.Client(client_id=f"load-{device}-{first}", protocol=paho.MQTTv311)
        self.client.username_pw_set(credential["username"], credential["password"])
        self.client.max_inflight_messages_set(20)
        self.client.on_publish = lambda _c, _u, mid: self.answered.append(mid)  # may come before publish() returns
        self.client.connect(program.mqtt_host, program.mqtt_port, keepalive=60)
        self.topic = f"gongshu/v1/{device}"
        self.client.loop_start()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped:
            if len(self.sent) - len(self.answered) > 200:
                time.sleep(0.001)
                continue
            payload = f'{{"ts":{(BASE // 1_000_000) + self.sequence},"values":{{"temperature":{self.sequence}.5}}}}'
            info = self.client.publish(self.topic, payload, qos=1)
            self.sent[info.mid] = self.sequence
            self.sequence += 1

    @property
    def acknowledged(self):
        return {self.sent[mid] for mid in list(self.answered) if mid in self.sent}

    def held(self):
        return {"works/line1/oven.temperature": (self.acknowledged, 0.5)}

    def stop(self):
        self.stopped = True
        self.thread.join()
        self.client.loop_stop()


class HttpLoad:
    """Writes lines of two fields, which stay together in the log and in memory; at times of one alone, which parts them."""

    def __init__(self, program, first):
        self.acknowledged, self.speeds, self.sequence, self.stopped = set(), set(), first, False
        self.program = program
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def held(self):
        return {"press/a.force": (self.acknowledged, 0.25), "press/a.speed": (self.speeds, 0.75)}

    def run(self):
        while not self.stopped:
            rows = range(self.sequence, self.sequence + 50)
            alone = self.sequence // 50 % 17 == 16
            lines = "\n".join(f"press,cell=a force={n}.25{'' if alone else f',speed={n}.75'} {BASE + n * 1_000_000}" for n in rows)
            self.sequence += 50
            try:
                self.program.call("POST", "/api/v1/write", lines)
                self.acknowledged.update(rows)
                self.speeds.update(() if alone else rows)
            except Refused as error:
                print("write refused:", error, file=sys.stderr)
            except OSError:
                pass  # killed in between: not acknowledged

    def stop(self):
        self.stopped = True
        self.thread.join()


class ColumnLoad(HttpLoad):
    """Writes columns of two tags, which stay columns in the log and in memory; every second batch lies between the rows of the one
    before it."""

    def held(self):
        return {"mill/b.force": (self.acknowledged, 0.25), "mill/b.count": (self.acknowledged, 0)}

    def run(self):
        odd = 0
        while not self.stopped:
            rows = range(self.sequence + odd, self.sequence + 100, 2)
            times = [BASE + n * 1_000_000 for n in rows]
            body = frame(column("mill/b.force", 1, times, 2, varint(1) + varint(2) + steps([n * 100 + 25 for n in rows])),
                         column("mill/b.count", 2, times, 2, steps(rows)))
            self.sequence += 100 if odd else 0
            odd = 1 - odd
            try:
                self.program.call("POST", "/api/v1/write/batch", body)
                self.acknowledged.update(rows)
            except Refused as error:
                print("write refused:", error, file=sys.stderr)
            except OSError:
                pass  # killed in between: not acknowledged
            time.sleep(0.01)  # or the other loads come to nothing


class Loads:
    """All at once, on and on; what they were told is kept: {tag: numbers of its readings}, and what is added to a number."""

    def __init__(self, program, credential):
        self.program, self.credential = program, credential
        self.told, self.told_now, self.added = {}, {}, {}
        self.next = [0, 0, 0]

    def start(self):
        self.mqtt = MqttLoad(self.program, "works/line1/oven", self.credential, self.next[0])
        self.http = HttpLoad(self.program, self.next[1])
        self.columns = ColumnLoad(self.program, self.next[2])

    def wait(self, mqtt, http):
        wait_for("acknowledgements", lambda: len(self.mqtt.acknowledged) > mqtt and len(self.http.acknowledged) > http and self.columns.acknowledged, 60, 0.002)

    def stop(self):
        self.told_now = {}
        for load in (self.mqtt, self.http, self.columns):
            load.stop()
            for tag, (numbers, added) in load.held().items():
                self.told_now[tag], self.added[tag] = numbers, added
                self.told[tag] = self.told.get(tag, set()) | numbers
        self.next = [load.sequence + 1000 for load in (self.mqtt, self.http, self.columns)]

    def missing(self, whole):
        """{tag: what was acknowledged and is not there}; of the whole time or since the last start()."""
        told = self.told if whole else self.told_now
        lost = {tag: missing(self.program, tag, numbers, self.added[tag]) for tag, numbers in told.items()}
        return {tag: numbers for tag, numbers in lost.items() if numbers}

    def summary(self):
        return ", ".join(f"{len(numbers)} of {tag}" for tag, numbers in self.told.items()) + " acknowledged"


def missing(program, tag, acknowledged, added):
    if not acknowledged:
        return set()
    lost = set(acknowledged)
    low, high = min(lost), max(lost)
    for start in range(low, high + 1, 100_000):
        for ts, value, quality in program.read(tag, BASE + start * 1_000_000, BASE + min(start + 100_000, high + 1) * 1_000_000):
            number = (int(ts) - BASE) // 1_000_000
            if quality.startswith("good") and value == number + added:
                lost.discard(number)
    return lost


def stop_under_load(program, disk, loads):
    """SIGTERM while all loads run and a compaction is under way: ends with 0 within STOP_SECONDS, and everything that was
    acknowledged is there after the power went off as well."""
    loads.start()
    loads.wait(200, 2000)
    compaction = threading.Thread(target=compact, args=(program,))
    compaction.start()
    loads.wait(200, 3000)
    began = time.monotonic()
    code = program.stop()
    took = time.monotonic() - began
    loads.stop()
    compaction.join()
    assert code == 0, f"SIGTERM under load: ended with {code}\n{program.tail()}"
    assert took < STOP_SECONDS, f"SIGTERM under load: took {took:.1f} s, at most {STOP_SECONDS} s are allowed"
    disk.cut()
    program.start()
    lost = loads.missing(whole=False)
    print(f"SIGTERM under load: {took:.1f} s; {loads.summary()}; missing {sum(map(len, lost.values()))}")
    return not lost


def compact(program):
    try:
        program.post("/api/v1/admin/compact")
    except (Refused, OSError):
        pass  # the stop may come first


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--lie", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-cut-"))
    disk = ForgetfulDisk(folder / "data", folder / "shadow", pathlib.Path(options.library).resolve(), options.lie)
    try:
        with Program(data=disk.root, env=disk.environment()) as program:
            simple_type(program)
            program.put("devices", "works/line1/oven", {"type": "sensor"})
            loads = Loads(program, program.credential("works/line1/oven"))
            for kill in range(options.kills):
                loads.start()
                want = chance.randrange(200, 3000)
                loads.wait(want // 10, want)
                program.kill()
                loads.stop()
                disk.cut()
                # Of many kills, what the last ones acknowledged each time, and all of it at times.
                whole = kill < 20 or kill % 50 == 49 or kill + 1 == options.kills
                try:
                    program.start()
                    lost = loads.missing(whole)
                except (AssertionError, Refused) as error:
                    if not options.lie:
                        raise
                    print(f"with lying syncs, after kill {kill + 1}, as it must: {str(error).splitlines()[0]}")
                    return 0
                print(f"kill {kill + 1}: {loads.summary()}; missing {sum(map(len, lost.values()))}")
                if lost:
                    print("first missing:", {tag: sorted(numbers)[:5] for tag, numbers in lost.items()})
                    return 0 if options.lie else 1
            if not options.lie and not stop_under_load(program, disk, loads):
                return 1
            program.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.lie:
        print("syncs did nothing and yet nothing was missing: this test cannot see losses")
    return 1 if options.lie else 0


if __name__ == "__main__":
    sys.exit(main())
