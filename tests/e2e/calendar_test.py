#!/usr/bin/env python3
"""A calendar over HTTP: readings by shift, production day and month over a change of the clocks, compared with what this file computes by
itself from the readings and the time zones of the system; working days against a plain count; the same after a restart."""
import datetime
import pathlib
import random
import sys
import zoneinfo

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused  # noqa: E402

ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
SHIFTS = {"early": (6, 14), "late": (14, 22), "night": (22, 30)}  # hours after the midnight of the production day
CYCLE = [{"early": "A", "late": "B", "night": "C"}, {"early": "C", "late": "A", "night": "B"}, {"early": "B", "late": "C"}]
ANCHOR = datetime.date(2026, 10, 1)
SECOND = 10**9


def instant(day, hours):
    """When the wall clock first shows so many hours after midnight."""
    local = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(hours=hours)
    return int(local.replace(tzinfo=ZONE, fold=0).timestamp()) * SECOND


def days(first, last):
    return [first + datetime.timedelta(days=i) for i in range((last - first).days + 1)]


def shifts():
    for day in days(datetime.date(2026, 10, 22), datetime.date(2026, 10, 28)):
        for name, (begin, end) in SHIFTS.items():
            yield instant(day, begin), instant(day, end), [str(day), name, CYCLE[(day - ANCHOR).days % 3].get(name)]


def production_days():
    for day in days(datetime.date(2026, 10, 22), datetime.date(2026, 10, 28)):
        yield instant(day, 6), instant(day + datetime.timedelta(days=1), 6), [str(day)]


def months():
    for month in (10, 11):
        yield instant(datetime.date(2026, month, 1), 6), instant(datetime.date(2026, month + 1, 1), 6), [f"2026-{month}"]


def expected(readings, periods, begin, end):
    rows = []
    for start, stop, labels in periods:
        inside = [value for time, value in readings if max(start, begin) <= time < min(stop, end)]
        if inside:
            rows.append([start, sum(inside) / len(inside), min(inside), max(inside), sum(inside), len(inside), inside[0], inside[-1], 1, stop, *labels])
    return rows


def check(program, readings, begin, end):
    for every, periods in (("shift", shifts), ("production_day", production_days), ("month", months)):
        answer = program.get(f"/api/v1/read?tag=berlin/press.force&from={begin}&to={end}&every={every}&agg=avg,min,max,sum,count,first,last")
        series = answer["series"][0]
        assert series["calendar"] == "three", series
        want = expected(readings, periods(), begin, end)
        for have_row, want_row in zip(series["rows"], want, strict=True):
            assert abs(have_row[1] - want_row[1]) < 1e-9, (every, have_row, want_row)
            assert [have_row[0], *have_row[2:]] == [want_row[0], *want_row[2:]], (every, have_row, want_row)
    return sum(1 for _ in shifts())


def main():
    chance = random.Random(7)
    with Program() as program:
        program.put("calendars", "three", {
            "time_zone": "Europe/Berlin", "day_start": "06:00", "holidays": "none", "teams": [{"name": team} for team in "ABC"],
            "shifts": [{"name": name, "from": f"{begin % 24:02}:00", "to": f"{end % 24:02}:00"} for name, (begin, end) in SHIFTS.items()],
            "rotation": {"anchor": str(ANCHOR), "days": CYCLE}})
        program.put("calendars", "china", {"is_default": True, "exceptions": [{"from": "2026-10-09", "working": False, "title": "检修"}]})
        program.put("sites", "berlin", {"time_zone": "Europe/Berlin", "calendar": "three"})
        # Clocks are set back on 25 October: the night shift has nine hours.
        begin, end = instant(datetime.date(2026, 10, 23), 3), instant(datetime.date(2026, 10, 28), 4)
        readings = [(time, chance.randrange(1000) / 4) for time in range(begin, end, 300 * SECOND)]
        lines = "".join(f"berlin,at=press force={value} {time}\n" for time, value in readings)
        program.call("POST", "/api/v1/write?import=1", lines)
        count = check(program, readings, begin, end)
        at = instant(datetime.date(2026, 10, 25), 4)
        now = program.get(f"/api/v1/calendars:now?place=berlin/press&at={at}")
        assert now["shift"]["shift"] == "night" and now["shift"]["to"] - now["shift"]["from"] == 9 * 3600 * SECOND, now
        # 2026 as the State Council arranged it, counted plainly; this plant's own day off.
        year = program.get("/api/v1/calendars:year?calendar=china&year=2026")
        assert year["arranged"] and sum(day["working"] for day in year["days"]) == 365 - 104 - 13 - 1 == year["working_days"], year["working_days"]
        works = {day["day"]: day["working"] for day in year["days"]}
        for _ in range(50):
            first = datetime.date(2026, 1, 1) + datetime.timedelta(days=chance.randrange(300))
            add = chance.randrange(1, 20)
            day, left = first, add
            while left:
                day += datetime.timedelta(days=1)
                left -= works[str(day)]
            answer = program.get(f"/api/v1/calendars:working?calendar=china&from={first}&add={add}")
            assert answer["to"] == str(day) and answer["sure"], (first, add, answer)
        assert not program.get("/api/v1/calendars:working?calendar=china&from=2026-12-30&add=5")["sure"]
        try:
            program.put("calendars", "bad", {"shifts": [{"name": "a", "from": "08:00", "to": "16:00"}, {"name": "b", "from": "15:00", "to": "20:00"}]})
            raise AssertionError("two shifts at once were taken")
        except Refused as refused:
            assert "shifts[1].from" in str(refused), refused
        program.kill()
        program.start()
        check(program, readings, begin, end)
        print(f"{len(readings)} readings by {count} shifts over a change of the clocks, 50 sums of working days; the same after kill -9")


if __name__ == "__main__":
    main()
