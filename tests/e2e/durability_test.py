#!/usr/bin/env python3
"""Acknowledged means durable: kill -9 plus a disk that forgets what was not synced, under MQTT QoS 1 (paho) and HTTP
writes, again and again; every acknowledged reading is read back. Then a SIGTERM under the same load. With syncs that lie
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
from forget import ForgetfulDisk  # noqa: E402
from harness import Program, Refused, simple_type, wait_for  # noqa: E402

import paho.mqtt.client as paho  # noqa: E402

BASE = 1_700_000_000_000_000_000
STOP_SECONDS = 20


class MqttLoad:
    """Publishes value = sequence at time BASE + sequence ms, and remembers what the server acknowledged."""

    def __init__(self, program, device, credential, first):
        self.acknowledged, self.sent, self.sequence = set(), {}, first
        self.stopped = False
        self.client = paho.Client(client_id=f"load-{device}-{first}", protocol=paho.MQTTv311)
        self.client.username_pw_set(credential["username"], credential["password"])
        self.client.max_inflight_messages_set(20)
        self.client.on_publish = lambda _c, _u, mid: self.acknowledged.add(self.sent[mid])
        self.client.connect(program.mqtt_host, program.mqtt_port, keepalive=60)
        self.topic = f"gongshu/v1/{device}"
        self.client.loop_start()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped:
            if len(self.sent) - len(self.acknowledged) > 200:
                time.sleep(0.001)
                continue
            payload = f'{{"ts":{(BASE // 1_000_000) + self.sequence},"values":{{"temperature":{self.sequence}.5}}}}'
            info = self.client.publish(self.topic, payload, qos=1)
            self.sent[info.mid] = self.sequence
            self.sequence += 1

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


def missing(program, tag, acknowledged, factor):
    if not acknowledged:
        return set()
    lost = set(acknowledged)
    low, high = min(lost), max(lost)
    for start in range(low, high + 1, 100_000):
        for ts, value, quality in program.read(tag, BASE + start * 1_000_000, BASE + min(start + 100_000, high + 1) * 1_000_000):
            number = (int(ts) - BASE) // 1_000_000
            if quality.startswith("good") and value == number + factor:
                lost.discard(number)
    return lost


def stop_under_load(program, disk, credential, next_mqtt, next_http):
    """SIGTERM while both loads run and a compaction is under way: ends with 0 within STOP_SECONDS, and everything that was
    acknowledged is there after the power went off as well."""
    mqtt = MqttLoad(program, "works/line1/oven", credential, next_mqtt)
    http = HttpLoad(program, next_http)
    wait_for("acknowledgements", lambda: len(mqtt.acknowledged) > 200 and len(http.acknowledged) > 2000, 60, 0.002)
    compaction = threading.Thread(target=compact, args=(program,))
    compaction.start()
    wait_for("more of them", lambda: len(http.acknowledged) > 3000, 60, 0.002)
    began = time.monotonic()
    code = program.stop()
    took = time.monotonic() - began
    mqtt.stop()
    http.stop()
    compaction.join()
    assert code == 0, f"SIGTERM under load: ended with {code}\n{program.tail()}"
    assert took < STOP_SECONDS, f"SIGTERM under load: took {took:.1f} s, at most {STOP_SECONDS} s are allowed"
    disk.cut()
    program.start()
    lost_mqtt = missing(program, "works/line1/oven.temperature", mqtt.acknowledged, 0.5)
    lost_http = missing(program, "press/a.force", http.acknowledged, 0.25) | missing(program, "press/a.speed", http.speeds, 0.75)
    print(f"SIGTERM under load: {took:.1f} s; {len(mqtt.acknowledged)} by MQTT, {len(http.acknowledged)} by HTTP "
          f"acknowledged; missing {len(lost_mqtt)} and {len(lost_http)}")
    return not lost_mqtt and not lost_http


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
    mqtt_all, http_all, speeds_all, lost_mqtt, lost_http = set(), set(), set(), set(), set()
    try:
        with Program(data=disk.root, env=disk.environment()) as program:
            simple_type(program)
            program.put("devices", "works/line1/oven", {"type": "sensor"})
            credential = program.credential("works/line1/oven")
            next_mqtt = next_http = 0
            for kill in range(options.kills):
                mqtt = MqttLoad(program, "works/line1/oven", credential, next_mqtt)
                http = HttpLoad(program, next_http)
                want = chance.randrange(200, 3000)
                wait_for("acknowledgements", lambda: len(mqtt.acknowledged) > want // 10 and len(http.acknowledged) > want, 60, 0.002)
                program.kill()
                mqtt.stop()
                http.stop()
                next_mqtt, next_http = mqtt.sequence + 1000, http.sequence + 1000
                mqtt_all |= mqtt.acknowledged
                http_all |= http.acknowledged
                speeds_all |= http.speeds
                disk.cut()
                # Of many kills, what the last ones acknowledged each time, and all of it at times.
                whole = kill < 20 or kill % 50 == 49 or kill + 1 == options.kills
                try:
                    program.start()
                    lost_mqtt = missing(program, "works/line1/oven.temperature", mqtt_all if whole else mqtt.acknowledged, 0.5)
                    lost_http = missing(program, "press/a.force", http_all if whole else http.acknowledged, 0.25)
                    lost_http |= missing(program, "press/a.speed", speeds_all if whole else http.speeds, 0.75)
                except (AssertionError, Refused) as error:
                    if not options.lie:
                        raise
                    print(f"with lying syncs, after kill {kill + 1}, as it must: {str(error).splitlines()[0]}")
                    return 0
                print(f"kill {kill + 1}: {len(mqtt_all)} by MQTT, {len(http_all)} by HTTP acknowledged; missing {len(lost_mqtt)} and {len(lost_http)}")
                if lost_mqtt or lost_http:
                    print("first missing:", sorted(lost_mqtt)[:5], sorted(lost_http)[:5])
                    return 0 if options.lie else 1
            if not options.lie and not stop_under_load(program, disk, credential, next_mqtt, next_http):
                return 1
            program.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.lie:
        print("syncs did nothing and yet nothing was missing: this test cannot see losses")
    return 1 if options.lie else 0


if __name__ == "__main__":
    sys.exit(main())
