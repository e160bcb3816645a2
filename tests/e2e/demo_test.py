#!/usr/bin/env python3
"""`gongshu demo`: values move within 10 s of its start, an alarm from an injected fault within 60 s, and the values in its
"why" equal what /read gives for those times."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, wait_for  # noqa: E402


def values(program):
    # A tag that is declared and has not been read yet has no row.
    return {s["tag"]: s["rows"][0] for s in program.get("/api/v1/last?tag=**")["series"] if s["rows"]}


def main():
    with Program("demo") as program:
        began = program.started
        first = {}
        moved = wait_for(
            "20 tags with another value",
            lambda: sum(1 for tag, row in values(program).items() if first.setdefault(tag, row)[1] != row[1]) >= 20, 60)
        assert moved
        moving = time.monotonic() - began
        alarm = wait_for("an alarm", lambda: next(iter(program.get("/api/v1/alarms?state=active")["alarms"]), None), 120)
        alarmed = time.monotonic() - began
        print(f"values moved after {moving:.1f} s, alarm '{alarm['rule']}' after {alarmed:.1f} s")
        assert moving <= 10 and alarmed <= 60, (moving, alarmed)
        why = alarm["why"]
        assert why["condition"] and why["text_zh"] and why["text_en"] and why["values"], why
        for value in why["values"]:
            rows = program.read(value["tag"], int(value["ts"]), int(value["ts"]) + 1)
            if value["expression"] == value["tag"] or "(" not in value["expression"]:
                assert rows and rows[0][1] == value["value"], (value, rows)
            else:
                print(f"  {value['expression']} = {value['value']} {value['unit']}")
        seeded = program.read(alarm["tag"] or why["values"][0]["tag"], "now-30d", "now", every="1d", agg="count")
        assert len(seeded) >= 29, f"30 days were seeded, {len(seeded)} are there"
        assert program.get("/api/v1/status")["simulated"] is True


if __name__ == "__main__":
    main()
