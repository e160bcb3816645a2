#!/usr/bin/env python3
"""Real machine data with its own times, through both doors: NAB's machine temperature and engine 1 of C-MAPSS FD001, by
mosquitto_pub and as Influx lines, read back equal under "last row wins". Needs the data sets beside the project; says so
when they are not there."""
import csv
import datetime
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import SHARED, Program, simple_type, wait_for  # noqa: E402

CMAPSS_START = 1_600_000_000  # engines have cycles, no dates: cycle n at this second + n minutes


def nab():
    with open(SHARED / "nab/machine_temperature_system_failure.csv", newline="") as file:
        rows = [(int(datetime.datetime.fromisoformat(r["timestamp"]).replace(tzinfo=datetime.timezone.utc).timestamp()), float(r["value"]))
                for r in csv.DictReader(file)]
    assert len(rows) == 22695
    last = dict(rows)  # last row wins
    assert len(last) == 22683
    return rows, last


def cmapss():
    with open(SHARED / "cmapss/train_FD001.txt") as file:
        return [[float(x) for x in line.split()] for line in file if line.split()[0] == "1"]


def publish(program, credential, topic, payloads):
    subprocess.run(["mosquitto_pub", "-h", program.mqtt_host, "-p", str(program.mqtt_port), "-u", credential["username"], "-P", credential["password"],
                    "-q", "1", "-t", topic, "-l"], input="\n".join(payloads).encode(), check=True, timeout=300)


def equal(program, tag, want):
    rows = program.read(tag, min(want) * 10**9, (max(want) + 1) * 10**9)
    got = {int(ts) // 10**9: value for ts, value, quality in rows if quality.startswith("good")}
    assert len(rows) == len(want), f"{tag}: {len(rows)} rows, {len(want)} expected"
    wrong = [t for t in want if got.get(t) != want[t]]
    assert not wrong, f"{tag}: {len(wrong)} differ, first {wrong[0]}: {got.get(wrong[0])} instead of {want[wrong[0]]}"
    return len(rows)


LIMIT, DEAD_BAND = 50.0, 15.0  # degF; the machine normally stands near 86


def falls_below(last):
    """When the machine's temperature fell below the limit, and when it was the dead band above it again, by the file alone."""
    episodes, low = [], False
    for t in sorted(last):
        if not low and last[t] < LIMIT:
            low = True
            episodes.append([t, None])
        elif low and last[t] > LIMIT + DEAD_BAND:
            low = False
            episodes[-1][1] = t
    return episodes


def check_alarms(program, last):
    def alarms():
        found = program.get("/api/v1/alarms?state=all&limit=1000&from=2013-01-01T00:00:00Z&to=now&precision=s")["alarms"]
        return sorted([a["raised"], a["cleared"]] for a in found if a["rule"] == "machine-cold")

    want = falls_below(last)
    wait_for("the alarms of NAB's machine", lambda: alarms() == want, 30)
    with open(SHARED / "nab/combined_windows.json") as file:
        windows = json.load(file)["realKnownCause/machine_temperature_system_failure.csv"]
    text = lambda t: datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    for start, end in want:
        inside = any(a[:16] <= text(start) <= b[:16] for a, b in windows)
        print(f"  below {LIMIT} degF {text(start)} … {text(end)}{'  in a labelled window' if inside else ''}")
    print("  labelled windows: " + "; ".join(f"{a[:16]} … {b[:16]}" for a, b in windows))


def main():
    if SHARED is None:
        print("the data sets are not beside the project: nothing was checked here")
        return
    rows, last = nab()
    engine = cmapss()
    names = ["op1", "op2", "op3"] + [f"s{n}" for n in range(1, 22)]
    with Program() as program:
        simple_type(program, "machine", [("temperature", "number", "degF")])
        simple_type(program, "engine", [(n, "number", "") for n in names])
        program.put("devices", "nab/machine", {"type": "machine"})
        program.put("devices", "cmapss/engine1", {"type": "engine"})
        machine = program.credential("nab/machine")
        publish(program, machine, "gongshu/v1/nab/machine", [f'{{"ts":{rows[0][0] * 1000},"values":{{"temperature":{rows[0][1]!r}}}}}'])
        program.put("rules", "machine-cold", {"title_en": "Machine cold", "title_zh": "机器过冷", "device": "nab/machine", "severity": "major",
                                              "condition": f"temperature < {LIMIT} degF", "dead_band": DEAD_BAND, "message_en": "cold", "message_zh": "过冷"})
        publish(program, machine, "gongshu/v1/nab/machine",
                [f'{{"ts":{t * 1000},"values":{{"temperature":{v!r}}}}}' for t, v in rows])
        publish(program, program.credential("cmapss/engine1"), "gongshu/v1/cmapss/engine1",
                ['{"ts":%d,"values":{%s}}' % ((CMAPSS_START + int(r[1]) * 60) * 1000, ",".join(f'"{n}":{v!r}' for n, v in zip(names, r[2:]))) for r in engine])
        lines = [f"nab,source=http temperature={v!r} {t}" for t, v in rows]
        for start in range(0, len(lines), 5000):
            program.call("POST", "/api/v1/write?precision=s", "\n".join(lines[start:start + 5000]))
        program.call("POST", "/api/v1/write?precision=s", "\n".join(
            "cmapss,engine=1 " + ",".join(f"{n}={v!r}" for n, v in zip(names, r[2:])) + f" {CMAPSS_START + int(r[1]) * 60}" for r in engine))
        counted = [equal(program, "nab/machine.temperature", last), equal(program, "nab/http.temperature", last)]
        for index, name in enumerate(names):
            want = {CMAPSS_START + int(r[1]) * 60: r[2 + index] for r in engine}
            counted.append(equal(program, f"cmapss/engine1.{name}", want))
            counted.append(equal(program, f"cmapss/1.{name}", want))
        print(f"NAB {counted[0]} and {counted[1]} distinct times, C-MAPSS engine 1 {len(engine)} cycles x {len(names)} columns: equal by both doors")
        check_alarms(program, last)


if __name__ == "__main__":
    main()
