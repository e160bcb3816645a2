#!/usr/bin/env python3
"""`gongshu import` through the real program: every table of the data sets beside the project by its map in library/import,
and small files of its own, one for each trap. What the interface gives back is compared with an independent reading of
the same files under "last row wins". When the data sets are not there it says so; the small files are always tried."""
import csv
import datetime
import hashlib
import io
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, SHARED, SOURCE, Program, wait_for  # noqa: E402

UTC = datetime.timezone.utc
MAPS = SOURCE / "library/import"
SECOND = 10**9
START = int(datetime.datetime(2020, 1, 1, tzinfo=UTC).timestamp())


def run(*arguments, data=None, program=None, ok=(0,), folder=None):
    command = [str(PROGRAM), "import", *map(str, arguments)]
    env = {k: v for k, v in os.environ.items() if not k.startswith("GONGSHU_")}
    if data:
        command += ["--data", str(data), "--key-folder", str(data.parent / "keys")]
    if program:
        secret = program.folder / "password"
        command += ["--to", program.url, "--user", "admin", "--password-file", str(secret)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, env=env, cwd=folder)
    assert done.returncode in ok, f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


def imported(*arguments, **how):
    return json.loads(run(*arguments, "--json", **how).stdout)


# ---- independent readings: {tag: {time in ns: value}}, rows, values

class Reading:
    def __init__(self):
        self.tags, self.rows, self.values, self.order = {}, 0, 0, {}

    def put(self, tag, ts, value):
        self.tags.setdefault(tag, {})[ts] = value
        self.order.setdefault(tag, []).append((ts, value))
        self.values += 1


def seconds(text, pattern, hours=0):
    return int(datetime.datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()) - hours * 3600


def map_columns(name):
    """column -> (property, type) of a map, in order; only what is needed here, so that the maps are not trusted for more."""
    import yaml
    spec = yaml.safe_load((MAPS / name).read_text(encoding="utf-8"))
    return {str(c): (s["property"], s.get("type", "number")) for c, s in spec["columns"].items()}


def convert(text, kind):
    return {"number": float, "integer": int, "boolean": lambda t: t == "1", "text": str}[kind](text)


def read_csv(path, columns, prefix, time_of):
    reading = Reading()
    with open(path, newline="", encoding="utf-8-sig") as file:
        names = [name.strip() for name in next(csv.reader(file))]  # one year of gas_turbine has a blank behind a name
        for number, row in enumerate(csv.DictReader(file, names)):
            reading.rows += 1
            ts = time_of(number, row) * SECOND
            for column, (prop, kind) in columns.items():
                if row[column].strip() not in ("", "-", "--", "NA", "NaN"):
                    reading.put(f"{prefix}.{prop}", ts, convert(row[column].strip(), kind))
    return reading


def read_plain(path, columns, prefix_of, time_of, turned=False):
    reading = Reading()
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    for number, row in enumerate(zip(*rows) if turned else rows):
        reading.rows += 1
        for column, (prop, kind) in columns.items():
            reading.put(f"{prefix_of(row)}.{prop}", time_of(number, row) * SECOND, convert(row[int(column) - 1], kind))
    return reading


def nab(name, prefix):
    return lambda path: read_csv(path, map_columns(f"nab_{name}.yaml"), prefix, lambda n, r: seconds(r["timestamp"], "%Y-%m-%d %H:%M:%S"))


def data_sets():
    """(path, map, reading) of each table there is."""
    found = []

    def add(pattern, name, reader):
        for path in sorted(SHARED.glob(pattern)):
            found.append((path, MAPS / name, reader))
    add("ai4i/*.csv", "ai4i.yaml", lambda p: read_csv(p, map_columns("ai4i.yaml"), "ai4i/mill", lambda n, r: START + int(r["UDI"]) * 60))
    add("cmapss/t*_FD001.txt", "cmapss.yaml", lambda p: read_plain(
        p, map_columns("cmapss.yaml"), lambda r: f"cmapss/{p.stem}/engine{r[0]}", lambda n, r: START + int(r[1]) * 3600))
    add("cmapss/RUL_*.txt", "cmapss_rul.yaml", lambda p: read_plain(p, map_columns("cmapss_rul.yaml"), lambda r: f"cmapss/{p.stem}", lambda n, r: START + n * 3600))
    add("gas_turbine/gt_*.csv", "gas_turbine.yaml", lambda p: read_csv(
        p, map_columns("gas_turbine.yaml"), "gas/turbine1", lambda n, r: seconds(p.stem[-4:], "%Y") + n * 3600))
    for name, prefix in (("machine_temperature", "nab/machine"), ("ambient_temperature", "nab/office"), ("cpu_utilization", "nab/server")):
        add(f"nab/{name}_*.csv", f"nab_{name}.yaml", nab(name, prefix))
    add("nab/published/*_standard_scores.csv", "nab_scores.yaml", lambda p: read_csv(p, map_columns("nab_scores.yaml"), f"nab/scores/{p.stem}", lambda n, r: START + n))
    add("steel_energy/*.csv", "steel_energy.yaml", lambda p: read_csv(
        p, map_columns("steel_energy.yaml"), "steel/plant", lambda n, r: seconds(r["date"], "%d/%m/%Y %H:%M", hours=9)))
    for path in sorted(SHARED.glob("tep/d*.dat")):
        turned = path.name == "d00.dat"
        found.append((path, MAPS / ("tep_d00.yaml" if turned else "tep.yaml"), lambda p, turned=turned: read_plain(
            p, map_columns("tep.yaml"), lambda r: f"tep/{p.stem}", lambda n, r: START + n * 180, turned)))
    return found


# ---- comparing

def stored(program, glob):
    """{tag: {ts: value}} of all good readings."""
    answer = program.get("/api/v1/read?" + urllib.parse.urlencode({"tag": glob, "from": -9 * 10**18, "to": 9 * 10**18}))
    return {s["tag"]: {int(r[0]): (int(r[1]) if isinstance(r[1], str) and s["tag"].endswith("_int") else r[1]) for r in s["rows"] if r[2].startswith("good")}
            for s in answer["series"]}


def digest(tags):
    """One checksum over everything, in an order that does not depend on who read it."""
    lines = sorted(f"{tag} {ts} {value!r}" for tag, values in tags.items() for ts, value in values.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def as_stored(tags):
    # JSON gives 45.0 back as 45, and -0.0 as 0: numbers are compared as numbers.
    return {tag: {ts: float(v) + 0.0 if isinstance(v, (int, float)) and not isinstance(v, bool) else v for ts, v in values.items()} for tag, values in tags.items()}


def compare(program, want, what):
    places = sorted({tag.rsplit(".", 1)[0] for tag in want})
    got = {}
    for place in places:
        got.update(stored(program, place + ".*"))
    got, want = as_stored(got), as_stored(want)
    for tag in want:
        assert tag in got, f"{what}: {tag} is not there"
        assert len(got[tag]) == len(want[tag]), f"{what}: {tag}: {len(got[tag])} readings, {len(want[tag])} expected"
        wrong = [ts for ts in want[tag] if got[tag].get(ts) != want[tag][ts]]
        assert not wrong, f"{what}: {tag}: {len(wrong)} differ, first {wrong[0]}: {got[tag].get(wrong[0])!r} instead of {want[tag][wrong[0]]!r}"
    got = {tag: got[tag] for tag in want}
    assert digest(got) == digest(want), what
    return sum(map(len, want.values())), digest(want)


CRC = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    CRC.append(n)


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def checksum(pairs):
    import struct
    crc = 0
    for ts, value in pairs:
        bits = crc32c(value.encode()) if isinstance(value, str) else struct.unpack("<Q", struct.pack("<d", value))[0] if isinstance(value, float) else int(value)
        crc = crc32c(struct.pack("<qQ", ts, bits & (2**64 - 1)), crc)
    return f"{crc:08x}"


def check_report(report, reading, path):
    assert report["rows"] == reading.rows, f"{path.name}: {report['rows']} rows, {reading.rows} expected"
    assert report["values"] == reading.values, f"{path.name}: {report['values']} values, {reading.values} expected"
    assert report["wrong_values"] == report["bad_rows"] == 0, report["faults"]
    counts = {t["tag"]: t["values"] for t in report["tags"]}
    assert counts == {tag: len(pairs) for tag, pairs in reading.order.items()}, path.name


def real_data(folder):
    sets = data_sets()
    tables = {p for p in SHARED.glob("**/*") if p.suffix in (".csv", ".txt", ".dat") and p.name not in ("SOURCE.txt", "LICENSE.txt", "readme.txt")}
    assert {path for path, _, _ in sets} == tables, f"no map for {sorted(map(str, tables - {p for p, _, _ in sets}))}"
    data = folder / "data"
    want, reports, rows, values = {}, {}, 0, 0
    for path, name, reader in sets:
        reading = reader(path)
        [report] = imported(path, "--map", name, data=data)
        check_report(report, reading, path)
        reports[path.name] = report
        rows, values = rows + report["rows"], values + report["values"]
        for tag, pairs in reading.tags.items():
            want.setdefault(tag, {}).update(pairs)
        if path.name.startswith(("machine_temperature", "Steel")):
            for tag in report["tags"]:
                assert tag["crc32c"] == checksum(reading.order[tag["tag"]]), tag
    machine = reports["machine_temperature_system_failure.csv"]
    assert (machine["rows"], machine["times"], machine["duplicates"]) == (22695, 22683, 12), machine
    lines = (SHARED / "nab/machine_temperature_system_failure.csv").read_text().splitlines()
    seen, again = set(), []
    for number, line in enumerate(lines, 1):
        if line.split(",")[0] in seen:
            again.append(number)
        seen.add(line.split(",")[0])
    assert [d["line"] for d in machine["first_duplicates"]] == again
    steel = reports["Steel_industry_data.csv"]
    assert (steel["rows"], steel["times"], steel["out_of_order"]) == (35040, 35040, 365), steel
    with Program(data=data, args=("--key-folder", str(folder / "keys"))) as program:
        count, sum_of_all = compare(program, want, "the data sets")
        print(f"{len(sets)} files, {rows} rows, {values} values: {count} readings stored, equal to an independent reading; sha256 {sum_of_all[:16]}")
        # Again, through the door of the running server: nothing changes.
        for path, name, reader in sets:
            if not path.name.startswith(("machine", "ambient", "Steel", "d00", "RUL", "ai4i")):
                continue
            [report] = imported(path, "--map", name, program=program)
            before = reports[path.name]
            assert report["checksum"] == before["checksum"] and report["values"] == before["values"], path.name
            reading = reader(path)
            compare(program, reading.tags, f"{path.name} twice")
        unit = program.get("/api/v1/tags?glob=nab/machine.*")["tags"][0]
        assert unit["unit"] == "degF" and unit["type"] == "number", unit
        assert program.stop() == 0


# ---- one small file for each trap

def ts(text, hours=0):
    return seconds(text, "%Y-%m-%d %H:%M:%S", hours) * SECOND


def traps():
    """(name, bytes, map, {tag: {ts: value}}, {count of the report: value})"""
    plain = "file: {header: 1}\ntime: {column: time, format: iso, zone: UTC}\npath: t/x\ncolumns:\n  a: {property: a}\n"
    t0, t1 = ts("2024-01-01 00:00:00"), ts("2024-01-01 00:01:00")
    chinese = "时间,温度(℃),状态\n2024年1月1日 8时0分,21.5,运行\n2024年1月1日 8时1分,22,停机\n"
    chinese_map = ("time: {column: 时间, format: \"%Y年%m月%d日 %H时%M分\", zone: Asia/Shanghai}\npath: 一厂/炉1\n"
                   "columns:\n  温度(℃): {property: 温度, unit: ℃}\n  状态: {property: 状态, type: text}\n")
    chinese_want = {"一厂/炉1.温度": {t0: 21.5, t1: 22.0}, "一厂/炉1.状态": {t0: "运行", t1: "停机"}}
    yield "gb18030", chinese.encode("gb18030"), chinese_map, chinese_want, {}
    yield "utf8bom", b"\xef\xbb\xbf" + chinese.encode(), chinese_map, chinese_want, {}
    yield "utf16le", b"\xff\xfe" + chinese.encode("utf-16le"), chinese_map, chinese_want, {}
    yield "utf16be", b"\xfe\xff" + chinese.encode("utf-16be").replace(b"\0\n", b"\0\r\0\n"), chinese_map, chinese_want, {}
    yield "latin1", "time;Temp [°C]\n2024-01-01 00:00:00;1,5\n".encode("latin-1"), \
        "file: {decimal: \",\"}\ntime: {column: time, format: iso, zone: UTC}\npath: t/x\ncolumns:\n  \"Temp [°C]\": {property: a, unit: degC}\n", {"t/x.a": {t0: 1.5}}, {}
    yield "comma", b"time;a\n2024-01-01 00:00:00;1.234,5\n2024-01-01 00:01:00;-0,25\n", \
        plain.replace("header: 1", "header: 1, decimal: \",\", thousands: \".\""), {"t/x.a": {t0: 1234.5, t1: -0.25}}, {}
    yield "units", b"time\ta\n-\tdegC\n2024-01-01 00:00:00\t7\n", plain.replace("header: 1", "header: 2"), {"t/x.a": {t0: 7.0}}, {}
    yield "preamble", b"Logger 7\nserial 12\ntime,a\n2024-01-01 00:00:00,7\n", plain.replace("header: 1", "header: 1, skip: 2"), {"t/x.a": {t0: 7.0}}, {}
    yield "quotes", b'time,note,a\n2024-01-01 00:00:00,"two\nlines, ""quoted""",7\n', plain + "  note: {property: note, type: text}\n", \
        {"t/x.a": {t0: 7.0}, "t/x.note": {t0: 'two\nlines, "quoted"'}}, {}
    yield "turned", b"time|2024-01-01 00:00:00|2024-01-01 00:01:00\na|1|2\n", plain.replace("header: 1", "header: 1, transposed: true"), {"t/x.a": {t0: 1.0, t1: 2.0}}, {}
    yield "long", "设备,点位,时间,值\nP1,温度,2024-01-01 00:00:00,1\nP2,温度,2024-01-01 00:00:00,2\nP1,a/b.c,2024-01-01 00:00:00,3\n".encode(), \
        "time: {column: 时间, format: iso, zone: UTC}\npath: t/{设备}\ncolumns:\n  值: {property: \"{点位}\"}\n", \
        {"t/P1.温度": {t0: 1.0}, "t/P2.温度": {t0: 2.0}, "t/P1.a%2Fb%2Ec": {t0: 3.0}}, {"duplicates": 0, "times": 3}
    yield "date and time", b"date,clock,a\n01.02.2024,03:04:05,7\n", \
        "time: {columns: [date, clock], format: \"%d.%m.%Y %H:%M:%S\", zone: \"+08:00\"}\npath: t/x\ncolumns:\n  a: {property: a}\n", {"t/x.a": {ts("2024-02-01 03:04:05", 8): 7.0}}, {}
    yield "excel", b"time,a\n45292.5,7\n", plain.replace("iso", "excel"), {"t/x.a": {ts("2024-01-01 12:00:00"): 7.0}}, {}
    yield "epoch", b"time,a\n1704067200123,7\n", plain.replace("format: iso, zone: UTC", "format: ms"), {"t/x.a": {t0 + 123_000_000: 7.0}}, {}
    yield "clocks", b"time,a\n2024-03-10 02:30:00,0\n2024-11-03 01:00:00,1\n2024-11-03 01:30:00,2\n2024-11-03 01:00:00,3\n2024-11-03 01:30:00,4\n", \
        plain.replace("zone: UTC", "zone: America/New_York"), \
        {"t/x.a": {ts("2024-11-03 05:00:00"): 1.0, ts("2024-11-03 05:30:00"): 2.0, ts("2024-11-03 06:00:00"): 3.0, ts("2024-11-03 06:30:00"): 4.0}}, \
        {"bad_rows": 1, "repeated_times": 4, "duplicates": 0}
    yield "missing", b"time,a\n2024-01-01 00:00:00,NA\n2024-01-01 00:01:00,-999.0\n2024-01-01 00:02:00,\n2024-01-01 00:03:00,--\n2024-01-01 00:04:00,5\n", \
        plain + "missing: [\"\", NA, \"--\", \"-999\"]\n", {"t/x.a": {t0 + 240 * SECOND: 5.0}}, {"missing": 4, "wrong_values": 0, "rows": 5}
    yield "wrong", b"time,a\n2024-01-01 00:00:00,x7\nyesterday,5\n2024-01-01 00:01:00,5\n2024-01-01 00:02\n2024-01-01 00:02:00,5,6\n\"2024-01-01 00:03:00,5\n", plain, \
        {"t/x.a": {t1: 5.0}}, {"wrong_values": 1, "bad_rows": 4, "rows": 2}
    yield "duplicates", b"time,a\n2024-01-01 00:00:00,1\n2024-01-01 00:01:00,2\n2024-01-01 00:00:00,3\n", plain, {"t/x.a": {t0: 3.0, t1: 2.0}}, \
        {"duplicates": 1, "times": 2, "out_of_order": 1, "first_duplicates": [{"line": 4, "ts": t0}]}
    yield "types", b"time,n,i,b,a\n2024-01-01 00:00:00,1,9007199254740993,yes,3\n", \
        plain.replace("a: {property: a}", "a: {property: a, scale: 2, offset: 0.5, unit: kPa}\n  i: {property: i_int, type: integer}\n  b: {property: b, type: boolean}"), \
        {"t/x.a": {t0: 6.5}, "t/x.i_int": {t0: 9007199254740993}, "t/x.b": {t0: True}}, {}


def small_files(folder):
    names = []
    for number, (name, content, spec, want, counts) in enumerate(traps()):
        file, mapping = folder / f"{name}.csv", folder / f"{name}.yaml"
        file.write_bytes(content)
        mapping.write_text(spec, encoding="utf-8")
        data = folder / "small"
        bad = bool(counts.get("bad_rows") or counts.get("wrong_values"))
        ok = (1,) if bad else (0,)
        # A place of its own for each, so that one store serves all.
        mapping.write_text(spec.replace("path: t/", f"path: t{number}/").replace("path: 一厂/", f"path: 一厂{number}/"), encoding="utf-8")
        want = {tag.replace("t/", f"t{number}/").replace("一厂/", f"一厂{number}/"): values for tag, values in want.items()}
        [dry] = imported(file, "--map", mapping, "--dry-run", ok=ok)
        [report] = imported(file, "--map", mapping, data=data, ok=ok)
        [again] = imported(file, "--map", mapping, data=data, ok=ok)
        assert dry["checksum"] == report["checksum"] == again["checksum"], name
        for count, value in counts.items():
            assert report[count] == value, f"{name}: {count} is {report[count]}, {value} expected\n{report}"
        names.append((name, want))
        if name not in ("wrong", "clocks", "missing", "types", "comma", "excel", "preamble", "duplicates"):
            proposal = run(file, "--propose").stdout
            mapping.write_text(proposal, encoding="utf-8")
            run(file, "--map", mapping, "--dry-run")
    with Program(data=folder / "small", args=("--key-folder", str(folder / "keys"))) as program:
        for name, want in names:
            compare(program, want, name)
        assert program.stop() == 0
    print(f"{len(names)} traps: {', '.join(name for name, _ in names)}")


def refusals(folder):
    """Wrong maps and files are told so that somebody can act; exit code 2 or 1, nothing is stored."""
    file = folder / "r.csv"
    file.write_text("time,temp\n2024-01-01 00:00:00,1\n")
    good = {"time": "{column: time, format: iso, zone: UTC}", "path": "r/x", "columns": "{temp: t}"}

    def f(change, expected, content=None, code=2):
        if content is not None:
            (folder / "r.csv").write_bytes(content)
        mapping = folder / "r.yaml"
        mapping.write_text("".join(f"{k}: {v}\n" for k, v in {**good, **change}.items() if v is not None))
        done = run(file, "--map", mapping, "--dry-run", ok=(code,))
        assert expected in done.stderr, f"{expected!r} is not in {done.stderr!r}"
        if content is not None:
            file.write_text("time,temp\n2024-01-01 00:00:00,1\n")

    f({"columns": "{tmp: t}"}, "there is no column 'tmp': did you mean 'temp'?")
    f({"time": "{column: time, format: iso}"}, "time.zone: is missing")
    f({"time": "{column: time, format: iso, zone: Asia/Atlantis}"}, "there is no time zone 'Asia/Atlantis'")
    f({"time": "{column: time, format: \"%Q\", zone: UTC}"}, "% must be followed by")
    f({"columns": "{temp: {property: t, unit: furlongs_per_cake}}"}, "columns.temp.unit")
    f({"colums": "{}"}, "did you mean columns?")
    f({"path": None}, "path: is missing")
    f({}, "compressed by gzip", b"\x1f\x8b\x08\0\0\0\0\0", code=1)
    f({}, "the zip archive has no directory at its end", b"PK\x03\x04rest")
    done = run(folder / "none.csv", "--map", folder / "r.yaml", "--dry-run", ok=(1, 2))
    assert "none.csv" in done.stderr, done.stderr


def large_file(folder):
    """Killed in the middle and done again: everything is there once. Stopped in order, it says where to go on."""
    file, mapping, data = folder / "large.csv", folder / "large.yaml", folder / "large-data"
    rows = 400_000
    with open(file, "w") as out:
        out.write("t,a,b\n")
        for n in range(rows):
            out.write(f"{1_700_000_000 + n},{n / 8},{-n}\n")
    mapping.write_text("time: {column: t, format: s}\npath: l/x\ncolumns: {a: a, b: b}\n")
    command = [str(PROGRAM), "import", str(file), "--map", str(mapping), "--data", str(data), "--key-folder", str(folder / "keys")]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_for("the log of the import", lambda: any(f.stat().st_size > 1 << 20 for f in data.glob("history/log/*")) or killed.poll() is not None)
    killed.kill()
    killed.wait()
    size = lambda: sum(f.stat().st_size for f in data.glob("history/log/*"))
    before = size()
    stopped = subprocess.Popen(command + ["--json"], stdout=subprocess.PIPE, text=True)
    wait_for("the log to grow", lambda: size() > before + (1 << 20) or stopped.poll() is not None)
    stopped.terminate()
    [report] = json.loads(stopped.communicate(timeout=60)[0])
    begin = report["last_line"] + 1 if report["cancelled"] else 2
    [rest] = imported(file, "--map", mapping, "--from-line", begin, data=data)
    if report["cancelled"]:
        assert report["rows"] + rest["rows"] == rows, (report["rows"], rest["rows"])
    with Program(data=data, args=("--key-folder", str(folder / "keys"))) as program:
        for tag, value in (("l/x.a", lambda n: n / 8), ("l/x.b", lambda n: -n)):
            got = program.read(tag, 0, 2_000_000_000 * SECOND)
            assert len(got) == rows and all(got[n][1] == value(n) for n in range(0, rows, 997)), (tag, len(got))
        assert program.stop() == 0
    print(f"killed, stopped at line {report['last_line']}, gone on: {rows} rows once each")


def main():
    with tempfile.TemporaryDirectory(prefix="gongshu-import-") as made:
        folder = pathlib.Path(made)
        refusals(folder)
        small_files(folder)
        large_file(folder)
        if SHARED is None:
            print("the data sets are not beside the project: only the small files were tried")
            return
        (folder / "real").mkdir()
        real_data(folder / "real")


if __name__ == "__main__":
    main()
