#!/usr/bin/env python3
"""Virtual tags under kill -9: readings come over HTTP, the program is killed again and again, and in the end every value of two
virtual tags, one of which reads the other, is what the stored readings give: none is missing, none is another.

    virtual_tags_test.py [--kills 3]
"""
import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused, wait_for  # noqa: E402


def send(program, tag, value):
    program.post("/api/v1/write/json", [{"tag": tag, "ts": time.time_ns(), "value": value}])


def steps(*series):
    """At each time of any of the series the newest value of each; None before the first."""
    newest, out = [None] * len(series), []
    events = sorted((row[0], i, row[1]) for i, rows in enumerate(series) for row in rows)
    for at, (now, which, value) in enumerate(events):
        newest[which] = value
        if at + 1 == len(events) or events[at + 1][0] != now:
            out.append((now, list(newest)))
    return out


def check(program, start):
    read = lambda tag: program.read(tag, start, time.time_ns() + 1)  # noqa: E731
    a, b, total, more = (read(tag) for tag in ("works/a.x", "works/b.y", "works/v.sum", "works/v.more"))
    assert len(a) > 20 and len(b) > 20, (len(a), len(b))
    want = [(now, x + y) for now, (x, y) in steps(a, b) if x is not None and y is not None]
    have = [(row[0], row[1]) for row in total if row[2].startswith("good")]
    assert have == want, f"works/v.sum: {len(have)} values, expected {len(want)}; first difference: {next((p for p in zip(have, want) if p[0] != p[1]), None)}"
    want = [(now, 2 * s + x) for now, (s, x) in steps([row for row in total if row[2].startswith('good')], a) if s is not None and x is not None]
    have = [(row[0], row[1]) for row in more if row[2].startswith("good")]
    assert have == want, f"works/v.more: {len(have)} values, expected {len(want)}; first difference: {next((p for p in zip(have, want) if p[0] != p[1]), None)}"
    return len(total) + len(more)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=3)
    kills = parser.parse_args().kills
    chance = random.Random(5)
    with Program() as program:
        start = time.time_ns()
        send(program, "works/a.x", 1.5)
        send(program, "works/b.y", 2.5)
        program.put("virtual_tags", "works/v.sum", {"expr": "works/a.x + works/b.y", "lateness": "5s"})
        program.put("virtual_tags", "works/v.more", {"expr": "works/v.sum * 2 + works/a.x", "lateness": "5s"})
        for life in range(kills + 1):
            for i in range(30):
                try:
                    send(program, "works/a.x" if chance.random() < 0.5 else "works/b.y", chance.randrange(1000) / 4)
                except Refused as refused:
                    raise AssertionError(refused) from None
                time.sleep(chance.random() * 0.1)
            if life < kills:
                program.kill()
                program.start()
        newest = lambda: program.read("works/v.more", start, time.time_ns())[-1:]  # noqa: E731
        last = max(program.read(tag, start, time.time_ns() + 1)[-1][0] for tag in ("works/a.x", "works/b.y"))
        wait_for("the last value", lambda: newest() and newest()[0][0] >= last)
        count = check(program, start)
        print(f"{kills} kills, {count} values, none missing, none another")


if __name__ == "__main__":
    main()
