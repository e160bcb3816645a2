#!/usr/bin/env python3
"""Intervals under kill -9: some are marked by hand and corrected, others come from a virtual tag, and the program is killed between.
In the end everything that was acknowledged is there with every revision, the intervals by rule are what the stored values give,
none twice, and the aggregates and states that the program tells are those computed here from its raw readings.

    intervals_test.py [--kills 3]
"""
import argparse
import math
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, wait_for  # noqa: E402

SECOND = 1_000_000_000


def send(program, rows):
    program.post("/api/v1/write/json", [{"tag": tag, "ts": ts, "value": value} for tag, ts, value in rows])


def by_hand(program, promised, chance, start):
    """One is opened, perhaps closed, perhaps corrected; what was answered is remembered."""
    begin = start + chance.randrange(600) * SECOND
    one = program.post("/api/v1/intervals", {"asset": "works/press", "kind": "batch", "from": begin, "attributes": {"reason": f"r{chance.randrange(9)}", "parts": chance.randrange(50)}})
    promised.setdefault(one["id"], []).append(one)
    if chance.random() < 0.8:
        one = program.post(f"/api/v1/intervals/{one['id']}:close", {"to": begin + (1 + chance.randrange(300)) * SECOND})
        promised[one["id"]].append(one)
    if chance.random() < 0.5:
        one = program.post(f"/api/v1/intervals/{one['id']}:correct", {"from": begin - 5 * SECOND, "reason": "began earlier", "revision": one["revision"]})
        promised[one["id"]].append(one)


def check_hand(program, promised):
    for number, said in promised.items():
        kept = {one["revision"]: one for one in program.get(f"/api/v1/intervals/{number}")["revisions"]}
        for one in said:
            assert kept.get(one["revision"]) == one, (one, kept.get(one["revision"]))
        assert len(kept) == len(said), (number, len(kept), len(said))
    listed = {one["id"]: one for one in program.get("/api/v1/intervals?kind=batch&limit=5000")["intervals"]}
    assert listed == {number: said[-1] for number, said in promised.items()}


def stretches(rows):
    """Of (ts, value, quality) in order: while it is true; the last one may be open."""
    out = []
    for ts, value, quality in rows:
        holds = bool(value) and not quality.startswith("bad")
        if holds and (not out or out[-1][1] is not None):
            out.append([ts, None])
        elif not holds and out and out[-1][1] is None:
            out[-1][1] = ts
    return [tuple(one) for one in out]


def check_rule(program, start):
    """By now everything is decided: the last value is false for some seconds."""
    powers = program.read("works/press.power", start, time.time_ns() + 1)

    def agree():
        values = program.read("works/press.stopped", start, time.time_ns() + 1)
        want = stretches(values)
        kept = program.get("/api/v1/intervals?kind=downtime&limit=5000")["intervals"]
        have = sorted((one["from"], one["to"]) for one in kept)
        assert all(one["source"] == "rule" and one["asset"] == "works/press" and one["attributes"] == {"cause": "unknown"} for one in kept)
        assert len(set(have)) == len(have), "one came twice"
        return values and values[-1][0] == powers[-1][0] and have == want and have

    found = wait_for("the intervals of the stored values", agree, 60)
    assert all(end is not None for _, end in found) and len(found) >= 3, found
    return len(found)


def check_numbers(program, start):
    """avg, min, max, count, delta and twa of the power within each downtime, from its raw readings."""
    rows = program.read("works/press.power", start, time.time_ns() + 1)
    names = ["avg", "min", "max", "count", "delta", "twa"]
    told = program.get("/api/v1/intervals:aggregates?kind=downtime&limit=1000&tag=.power&agg=" + ",".join(names))
    assert told["columns"] == names and told["rows"]
    for one in told["rows"]:
        begin, end = one["interval"]["from"], one["interval"]["to"]
        inside = [(ts, value) for ts, value, quality in rows if begin <= ts < end]
        before = [(ts, value) for ts, value, quality in rows if ts < begin][-1:]
        area = length = 0
        held, since = (before[0][1] if before else None), begin
        for ts, value in inside + [(end, None)]:
            if held is not None:
                area, length = area + held * (ts - since), length + ts - since
            held, since = value, ts
        values = [value for _, value in inside]
        first = before[0][1] if before else values[0]
        want = [sum(values) / len(values), min(values), max(values), len(values), values[-1] - first, area / length]
        have = one["tags"][0]["values"]
        assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(have, want)), (have, want)
    return len(told["rows"])


def check_states(program, start, end):
    told = program.get(f"/api/v1/intervals:states?tag=works/press.mode&from={start}&to={end}")["tags"][0]
    rows = program.read("works/press.mode", start, end)
    want = {}
    for (ts, value, _), (until, *_) in zip(rows, rows[1:] + [[end]]):
        want[value] = want.get(value, 0) + until - ts
    have = {one["state"]: one["duration_s"] for one in told["states"]}
    assert set(have) == set(want) and all(math.isclose(have[s], want[s] / SECOND, rel_tol=1e-9) for s in want), (have, want)
    assert math.isclose(told["unknown_s"], (rows[0][0] - start) / SECOND, rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(sum(have.values()) + told["unknown_s"], (end - start) / SECOND, rel_tol=1e-9)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=3)
    kills = parser.parse_args().kills
    chance = random.Random(11)
    with Program() as program:
        start = time.time_ns()
        program.put("device_types", "press", {"properties": [{"name": "power", "type": "number"}, {"name": "mode", "type": "text"}]})
        program.put("devices", "works/press", {"type": "press"})
        program.put("virtual_tags", "stopped", {"device": "works/press", "expr": "power < 1", "lateness": "1s", "intervals": {"kind": "downtime", "attributes": {"cause": "unknown"}}})
        promised = {}
        for life in range(kills + 1):
            for power in (0.5, 0.25, 7, 0.75, 9):
                for _ in range(3):
                    send(program, [("works/press.power", time.time_ns(), power + chance.random() / 8)])
                    time.sleep(0.05)
                send(program, [("works/press.mode", time.time_ns(), chance.choice(["auto", "manual", "setup"]))])
                by_hand(program, promised, chance, start)
            if life == 1:
                program.post("/api/v1/admin/compact", {})
            if life < kills:
                program.kill()
                program.start()
                check_hand(program, promised)
        check_hand(program, promised)
        made = check_rule(program, start)
        summed = check_numbers(program, start)
        check_states(program, start, time.time_ns() - SECOND)
        gone = next(iter(promised))
        program.post(f"/api/v1/intervals/{gone}:withdraw", {"reason": "was a test"})
        program.kill()
        program.start()
        assert gone not in {one["id"] for one in program.get("/api/v1/intervals?limit=5000")["intervals"]}
        kept = program.get(f"/api/v1/intervals/{gone}")
        assert kept["interval"]["withdrawn"] and kept["revisions"][-1] == promised[gone][0], "the first revision stays"
        assert check_rule(program, start) == made
    print(f"{len(promised)} by hand and {made} by rule over {kills + 1} kills: every revision is there, none twice; {summed} aggregated as computed here")


if __name__ == "__main__":
    main()
