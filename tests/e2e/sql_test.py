#!/usr/bin/env python3
"""SQL over the history of the real program: the same answers as /api/v1/read; hostile statements end alone; tenants and paths are
kept apart; a worker that is killed ends its statement and nothing else."""
import ctypes
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, Program, Refused, wait_for  # noqa: E402

OTHER = "another-long-password"
START = 1_767_225_600  # 2026-01-01T00:00:00Z
SLOW = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)"


def ask(program, sql, parameters=(), query="", **options):
    return program.post(f"/api/v1/query{query}", {"sql": sql, "parameters": list(parameters)}, **options)


def rows(program, sql, *parameters, **options):
    return ask(program, sql, parameters, **options)["rows"]


def refusal(program, sql, **options):
    try:
        answer = ask(program, sql, **options)
    except Refused as error:
        return error.status, json.loads(error.body)
    raise AssertionError(f"not refused: {sql}\n{str(answer)[:300]}")


def workers(program):
    """Process ids of the server's workers."""
    children = pathlib.Path(f"/proc/{program.process.pid}/task")
    ids = {int(one) for task in children.iterdir() for one in (task / "children").read_text().split()}
    return [one for one in ids if b"worker\0sql" in pathlib.Path(f"/proc/{one}/cmdline").read_bytes()]


def write(program, **who):
    random.seed(7)
    lines = []
    for n in range(20_000):
        value = round(random.uniform(-50, 150), 3)
        lines.append(f"line{n % 4},machine=m{n % 5} temperature={value},pieces={n}i,on={'true' if n % 3 else 'false'} {(START + n) * 10**9 + n}")
    lines.append(f'line0,machine=m0 state="läuft 运行" {START * 10**9}')
    program.post("/api/v1/write?import=1", "\n".join(lines), **who)


def check_same_as_read(program):
    tags = [one["path"] for one in program.get("/api/v1/tags?glob=**&limit=1000")["tags"]]
    assert len(tags) == 61, len(tags)
    assert sorted(tags) == [one[0] for one in rows(program, "SELECT tag FROM tags ORDER BY tag")]
    start, end = START * 10**9 + 1_000_000_005, (START + 15_000) * 10**9
    for tag in ("line0/m0.temperature", "line3/m3.pieces", "line1/m1.on"):
        read = program.read(tag, start, end)
        asked = rows(program, "SELECT ts, value, quality FROM readings WHERE tag = $1 AND ts >= make_timestamp_ns($2) AND ts < make_timestamp_ns($3) "
                              "ORDER BY ts", tag, start, end)
        assert len(read) > 100 and [[ts, float(value), quality] for ts, value, quality in read] == [[ts, float(value), q] for ts, value, q in asked], tag
    for every in ("7s", "1m", "1h"):
        for tag in ("line0/m0.temperature", "line3/m3.pieces"):
            read = program.read(tag, start, end, every=every, agg="avg,min,max,sum,count,first,last")
            asked = rows(program, f"SELECT * EXCLUDE (tag) FROM history(tags := '{tag}', since := make_timestamp_ns({start}), "
                                  f"until := make_timestamp_ns({end}), every := '{every}', agg := 'avg,min,max,sum,count,first,last') ORDER BY ts")
            assert read == asked, (every, tag, read[:2], asked[:2])
    zoned = rows(program, "SELECT ts, count FROM history(tags := 'line0/m0.temperature', since := '2025-12-31', every := '1d', agg := 'count', "
                          "zone := 'Asia/Shanghai')")
    read = program.read("line0/m0.temperature", "2025-12-31T00:00:00Z", "2027-01-01T00:00:00Z", every="1d", agg="count", zone="Asia/Shanghai")
    assert zoned == [one[:2] for one in read] and zoned, (zoned, read)
    several = ask(program, "SELECT ts, p95, last_time, twa FROM history(tags := 'line0/m0.temperature', since := '2025-12-31', until := '2027-01-01', "
                           "every := '1h', agg := 'p95,last_time,twa') ORDER BY ts")
    assert [one["type"] for one in several["columns"]] == ["time", "number", "time", "number"], several["columns"]
    read = program.read("line0/m0.temperature", "2025-12-31T00:00:00Z", "2027-01-01T00:00:00Z", every="1h", agg="p95,last_time,twa")
    assert several["rows"] == [one[:4] for one in read] and several["rows"], (several["rows"], read)
    assert rows(program, "SELECT text FROM last WHERE text IS NOT NULL") == [["läuft 运行"]]
    joined = rows(program, "SELECT count(*) FROM history(tags := 'line0/m0.temperature', since := '2026-01-01') t ASOF JOIN "
                           "history(tags := 'line3/m3.pieces', since := '2026-01-01') p ON t.ts >= p.ts WHERE t.ts - p.ts < INTERVAL 20 SECOND")
    assert joined[0][0] == 999, joined
    whole = ask(program, "SELECT * FROM readings WHERE ts >= '2026-01-01'")
    assert len(whole["rows"]) == 60_001, len(whole["rows"])
    assert [one["type"] for one in whole["columns"]] == ["text", "time", "number", "text", "integer", "text"]
    csv = program.post("/api/v1/query?format=csv", {"sql": "SELECT * FROM readings WHERE ts >= '2026-01-01'"}, raw=True)
    assert csv.count(b"\r\n") == 60_002, csv.count(b"\r\n")


def check_parquet(program):
    """The file is read by the library itself, in a process of nobody's but this."""
    sql = "SELECT tag, ts, value, quality, integer FROM readings WHERE ts >= '2026-01-01'"
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "rows.parquet")
        with file.open("wb") as out:
            subprocess.run([str(PROGRAM), "query", "--parquet", sql], check=True, stdout=out, env={**os.environ, "GONGSHU_URL": program.url, "GONGSHU_TOKEN": program.token})
        whole = file.read_bytes()
        assert whole[:4] == whole[-4:] == b"PAR1", whole[:20]
        assert program.post("/api/v1/query?format=parquet", {"sql": sql}, raw=True)[:4] == b"PAR1"
        summary = "count(*), sum(value)::DECIMAL(18,3), min(epoch_ns(ts)), max(epoch_ns(ts)), sum(integer), count(DISTINCT tag), bit_xor(hash(tag, ts, value, quality))"
        theirs = duckdb_row(f"SELECT concat_ws(' ', {summary}) FROM read_parquet('{file}')")
        ours = rows(program, f"SELECT concat_ws(' ', {summary}) FROM readings WHERE ts >= '2026-01-01'")[0][0]
        assert theirs == ours and theirs.startswith("60001 "), (theirs, ours)
        # And in again, from the command line and as the page sends it.
        copied = program.post("/api/v1/query?format=parquet", {"sql": "SELECT ts AS time, value AS copied FROM readings WHERE tag = 'line0/m0.temperature' AND ts >= '2026-01-01'"}, raw=True)
        file.write_bytes(copied)
        sent = program.post("/api/v1/imports?file=rows.parquet", copied)
        assert sent["error"] is None and "copied: {property: copied}" in sent["map"], sent
        maps = pathlib.Path(folder, "map.yaml")
        environment = {**os.environ, "GONGSHU_URL": program.url, "GONGSHU_TOKEN": program.token}
        maps.write_bytes(subprocess.run([str(PROGRAM), "import", str(file), "--propose"], check=True, stdout=subprocess.PIPE).stdout)
        subprocess.run([str(PROGRAM), "import", str(file), "--map", str(maps)], check=True, stdout=subprocess.DEVNULL, env=environment)
        both = rows(program, "SELECT tag, count(*), bit_xor(hash(ts, value)) FROM readings WHERE tag IN ('import/rows.copied', 'line0/m0.temperature') "
                             "AND ts >= '2026-01-01' GROUP BY tag ORDER BY tag")
        assert both[0][1:] == both[1][1:] and both[0][1] == 1000, both
    status, problem = refusal(program, "SELECT nothing FROM tags", query="?format=parquet")
    assert status == 400 and problem["position"] == 8, problem
    answer = [refusal(program, "COPY tags TO '/gongshu/answer0.parquet'"), refusal(program, "FROM '/gongshu/answer0.parquet'")]
    assert [one[0] for one in answer] == [403, 403], answer


def duckdb_row(sql):
    """The first cell of the first row, from libduckdb.so by its C interface."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
    library = ctypes.CDLL(str(pathlib.Path(__file__).parents[2] / f"tools/duckdb/node_modules/@duckdb/node-bindings-linux-{machine}/libduckdb.so"))
    database, connection, result = ctypes.c_void_p(), ctypes.c_void_p(), (ctypes.c_uint64 * 8)()
    library.duckdb_value_varchar.restype = library.duckdb_result_error.restype = ctypes.c_char_p
    assert library.duckdb_open(None, ctypes.byref(database)) == 0 and library.duckdb_connect(database, ctypes.byref(connection)) == 0
    failed = library.duckdb_query(connection, sql.encode(), ctypes.byref(result))
    assert not failed, library.duckdb_result_error(ctypes.byref(result))
    return library.duckdb_value_varchar(ctypes.byref(result), ctypes.c_uint64(0), ctypes.c_uint64(0)).decode()


def check_words(program):
    status, problem = refusal(program, "SELECT * FROM readings")
    assert status == 400 and "say from when on" in problem["detail"] and problem["sqlstate"] == "22023", problem
    status, problem = refusal(program, "SELECT 1 +", headers={"Accept-Language": "zh"}.items())
    assert status == 400 and problem["sqlstate"] == "42601", problem
    status, problem = refusal(program, "SELECT * FROM readings", headers={"Accept-Language": "zh"}.items())
    assert "说明从何时起" in problem["detail"], problem
    status, problem = refusal(program, "SELECT * FROM readings WHERE ts >= 'yesterdayish'", headers={"Accept-Language": "zh"}.items())
    assert "“yesterdayish”不是时间" in problem["detail"] and problem["position"] == 36 and problem["sqlstate"] == "22007", problem
    assert len(rows(program, "EXPLAIN SELECT count(*) FROM readings WHERE ts >= '2026-01-01'")) > 3
    status, problem = refusal(program, "SELECT nothing FROM tags")
    assert problem["position"] == 8 and problem["sqlstate"] == "42703", problem
    printed = subprocess.run([str(PROGRAM), "query", "SELECT count(*) AS n, max(unit) AS u FROM tags"], check=True, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "GONGSHU_URL": program.url, "GONGSHU_TOKEN": program.token}).stdout
    assert printed == " n  u\n61  \n(1 row)\n", repr(printed)


def check_hostile(program):
    healthy = lambda: program.get("/healthz", user=None)["status"] == "ok" and rows(program, "SELECT count(*) FROM tags") == [[61]]
    for sql in ("COPY tags TO '/tmp/gongshu-sql-test'", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "ATTACH 'a.db'",
                "INSTALL httpfs", "LOAD '/tmp/x.duckdb_extension'", "SET memory_limit = '100GB'", "SELECT * FROM read_blob('/proc/self/environ')",
                "SELECT * FROM arrow_scan(1, 2, 3)", "FROM query('SELECT 1')", "EXPORT DATABASE '/tmp/x'", "CREATE TABLE t AS SELECT 1"):
        status, problem = refusal(program, sql)
        assert status == 403, (sql, problem)
    assert not pathlib.Path("/tmp/gongshu-sql-test").exists()
    for sql in ("SELECT count(*) FROM generate_series(1, 1000000000000)", SLOW,
                "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r"):
        began = time.monotonic()
        status, problem = timed(program, sql)
        assert "longer than 2 s" in problem["detail"] and time.monotonic() - began < 15, (sql, problem)
        assert healthy()
    for sql in ("SELECT list(i) FROM range(1000000000) t(i)", "SELECT string_agg(repeat('x', 1000000), '') FROM range(100000)",
                "SELECT a.i, b.i FROM range(100000) a(i), range(100000) b(i) ORDER BY hash(a.i * b.i)", "SELECT repeat('x', 100000000000)",
                "SELECT length(repeat(repeat('x', 100000000), 100))"):
        try:
            ask(program, sql)
        except Refused as error:
            assert json.loads(error.body)["sqlstate"] in ("53200", "54000", "57014", "XX000", "22003", "22000"), (sql, error.body)
        assert healthy()
    deep = "SELECT " + "(" * 50_000 + "1" + ")" * 50_000
    refusal(program, deep)
    refusal(program, "SELECT " + "+".join("1" for _ in range(60_000)))
    assert healthy()


def timed(program, sql):
    try:
        program.post("/api/v1/query", {"sql": sql, "timeout": "2s"})
    except Refused as error:
        return error.status, json.loads(error.body)
    raise AssertionError(f"not ended: {sql}")


def check_killed(program):
    failed = []

    def slow():
        failed.append(refusal(program, SLOW))

    thread = threading.Thread(target=slow)
    thread.start()
    wait_for("a busy worker", lambda: any(int((pathlib.Path(f"/proc/{one}/stat").read_text()).split()[13]) > 30 for one in workers(program)))
    for one in workers(program):
        os.kill(one, signal.SIGKILL)
    thread.join(20)
    assert failed and failed[0][0] == 503 and "signal 9" in failed[0][1]["detail"], failed
    assert rows(program, "SELECT count(*) FROM tags") == [[61]]


def part_of(program, sql, limit, form):
    """What comes of an answer that is cut off."""
    host, port = program.url.split("//")[1].split(":")
    client = http.client.HTTPConnection(host, int(port), timeout=120)
    client.request("POST", f"/api/v1/query?format={form}", json.dumps({"sql": sql, "limit": limit}), {"Authorization": f"Bearer {program.token}"})
    answer = client.getresponse()
    assert answer.status == 200, answer.read()
    try:
        answer.read()
    except http.client.IncompleteRead as cut:
        return cut.partial
    raise AssertionError("an answer past its limit came as a whole")


def check_past_a_limit(program):
    """Short answers are refused; long ones say why they end, and do not end as whole ones do."""
    status, problem = refusal_of(program, {"sql": "SELECT i FROM range(20000) t(i)", "limit": 5000})
    assert status == 429 and "more than 5000 rows" in problem["detail"], problem
    long = "SELECT i, repeat('x', 200) AS t FROM range(200000) t(i)"
    told = json.loads(part_of(program, long, 50_000, "json"))
    assert len(told["rows"]) > 5000 and "more than 50000 rows" in told["error"]["detail"] and told["error"]["sqlstate"] == "54000", told["error"]
    last = part_of(program, long, 50_000, "csv").splitlines()[-1]
    assert b"error: the answer has more than 50000 rows" in last, last
    wide = "SELECT i, hash(i) AS h, md5(i::VARCHAR) AS m FROM range(15000000) t(i)"
    assert not part_of(program, wide, 1_000_000, "parquet").endswith(b"PAR1")
    done = subprocess.run([str(PROGRAM), "query", "--csv", "SELECT i FROM range(1100000) t(i)"], capture_output=True, text=True, env={**os.environ, "GONGSHU_URL": program.url, "GONGSHU_TOKEN": program.token})
    assert done.returncode != 0 and "more than 1000000 rows" in done.stderr, (done.returncode, done.stderr)


def refusal_of(program, body):
    try:
        program.post("/api/v1/query", body)
    except Refused as error:
        return error.status, json.loads(error.body)
    raise AssertionError(f"not refused: {body}")


def check_gone_client(program):
    """Who goes away takes the statement with them: four places are free again."""
    host, port = program.url.split("//")[1].split(":")
    body = json.dumps({"sql": SLOW})
    for _ in range(4):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {program.token}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        # With a reset: an end alone is no sign of going away while the server works, for who sends may still listen.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def free():
        try:
            return rows(program, "SELECT 1") == [[1]]
        except Refused as error:
            assert error.status == 429, error
            return False
    wait_for("a place for a statement", free, 15)


def check_apart(program):
    program.put("tenants", "second", {"title": "Second"})
    program.call("PUT", "/api/v1/users/admin?tenant=second", {"spec": {"title": "Admin", "role": "admin"}})
    program.post("/api/v1/users/admin:password?tenant=second", {"password": "the-one-given-by-us"})
    program.post("/api/v1/session/password", {"old": "", "new": OTHER}, user="admin@second", password="the-one-given-by-us")
    second = {"user": "admin@second", "password": OTHER}
    program.post("/api/v1/write/json", [{"tag": "line0/m0.temperature", "value": 4711.0625}], **second)
    assert rows(program, "SELECT tag, value FROM readings WHERE ts >= '2020-01-01'", **second) == [["line0/m0.temperature", 4711.0625]]
    assert rows(program, "SELECT count(*) FROM readings WHERE ts >= '2020-01-01' AND value = 4711.0625") == [[0]]
    assert rows(program, "SELECT name FROM users", **second) == [["admin"]]
    assert rows(program, "SELECT count(*) FROM tenants", **second) == [[0]]

    program.put("roles", "one-line", {"base": "viewer", "paths": ["line1"]})
    program.put("users", "li", {"title": "Li", "role": "one-line"})
    program.post("/api/v1/users/li:password", {"password": "the-one-given-by-us"})
    program.post("/api/v1/session/password", {"old": "", "new": OTHER}, user="li", password="the-one-given-by-us")
    li = {"user": "li", "password": OTHER}
    seen = rows(program, "SELECT DISTINCT split_part(tag, '/', 1) FROM readings WHERE ts >= '2026-01-01'", **li)
    assert seen == [["line1"]], seen
    assert rows(program, "SELECT DISTINCT split_part(tag, '/', 1) FROM tags UNION SELECT DISTINCT split_part(tag, '/', 1) FROM last", **li) == [["line1"]]
    status, problem = refusal(program, "FROM history(tags := 'line0/m0.temperature', since := '2026-01-01')", **li)
    assert "there is no tag" in problem["detail"], problem
    status, problem = refusal(program, "SELECT * FROM users", **li)
    assert status == 403, problem
    listed = program.get("/api/v1/egress")
    assert any(one["door"] == "sql" for one in listed["doors"]), listed["doors"]


def main():
    # The rows of a Parquet file that nobody has taken yet are kept by the engine: here all of them may be.
    with Program(args=["--sql-memory", "2GiB"]) as program:
        program.put("tokens", "sql", {"role": "admin", "note": "test"})
        program.token = program.post("/api/v1/tokens/sql:issue")["token"]
        write(program)
        check_same_as_read(program)
        check_words(program)
        check_hostile(program)
        check_past_a_limit(program)
        check_killed(program)
        check_gone_client(program)
        check_parquet(program)
        check_apart(program)
        assert program.stop() == 0
    print("SQL gives what read gives, to whom it may, and ends what goes too far")


if __name__ == "__main__":
    main()
