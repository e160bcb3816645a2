#!/usr/bin/env python3
"""The PostgreSQL door of the real program, spoken to by Debian's psql and by node-postgres: sign-in with and without TLS, psql's own
commands, what Grafana and JDBC ask, values and parameters, cancelling, many connections, and bytes that are no protocol at all."""
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from harness import PASSWORD, SOURCE, Program, Refused, simple_type, wait_for

CLIENTS = SOURCE / "tests/clients"
START = 1_772_323_200  # 2026-03-01T00:00:00Z
ROWS = 10


def missing():
    out = [] if shutil.which("psql") else ["psql"]
    if not (CLIENTS / "node_modules/pg").exists():
        out.append("tests/clients/node_modules/pg")
    return out


class Psql:
    """psql as one person or program: options of its connection."""

    def __init__(self, program, **connection):
        host, port = program.ready["pg"].split("//")[1].rsplit(":", 1)
        self.connection = {"host": host, "port": port, "dbname": "gongshu", "connect_timeout": "20", **connection}

    def arguments(self, *more):
        quoted = " ".join(f"{name}='{value}'" for name, value in self.connection.items())
        return ["psql", "-X", quoted, *more]

    def run(self, *commands, options=("-At",)):
        given = [part for command in commands for part in ("-c", command)]
        return subprocess.run(self.arguments(*options, *given), capture_output=True, text=True, timeout=120, env={**os.environ, "PAGER": ""})

    def ask(self, *commands, **more):
        done = self.run(*commands, **more)
        assert done.returncode == 0, f"{commands}: {done.stderr}"
        return done.stdout.strip()

    def fail(self, *commands, **more):
        done = self.run(*commands, **more)
        assert done.returncode != 0, f"{commands} went well: {done.stdout}"
        return done.stderr


def fill(program):
    simple_type(program)
    program.put("devices", "line1/a", {"type": "sensor"})
    program.post("/api/v1/write/json", [{"tag": "line1/a.temperature", "ts": (START + 60 * i) * 10**9, "value": 20.0 + i} for i in range(ROWS)])
    program.put("tokens", "grafana", {"role": "viewer"})
    return program.post("/api/v1/tokens/grafana:issue")["token"]


def signs_in(program, token):
    by_token = Psql(program, user="token", password=token, sslmode="disable")
    assert by_token.ask("select count(*) from readings where ts >= '2026-03-01'") == str(ROWS)
    assert Psql(program, user="grafana", password=token, sslmode="require").ask("select 1") == "1"
    ca = program.folder / "keys/ca.crt"
    person = Psql(program, user="admin", password=PASSWORD, sslmode="verify-full", sslrootcert=ca)
    assert person.ask("select 1") == "1"
    assert "SSL connection" in person.ask("\\conninfo")
    said = Psql(program, user="admin", password=PASSWORD, sslmode="disable").fail("select 1")
    assert "user or password is wrong" in said and "sslmode=require" in said, said
    assert "user or password is wrong" in Psql(program, user="admin", password="wrong", sslmode="require").fail("select 1")
    assert "user or password is wrong" in Psql(program, user="token", password="gst_wrong", sslmode="disable").fail("select 1")
    return by_token, person


def psql_commands(psql):
    """What psql's own commands send is answered, and shows what is there."""
    def shows(command, *parts):
        done = psql.run(command, options=())
        assert done.returncode == 0 and not done.stderr, f"{command}: {done.stderr}"
        for part in parts:
            assert part in done.stdout, f"{command} shows no {part}:\n{done.stdout}"
        return done.stdout
    shows("\\d", "public", "readings", "table", "gongshu")
    shows("\\dt", "readings", "alarms")
    shows("\\dt+", "readings")
    shows("\\dt read*", "readings")
    assert "alarms" not in shows("\\dt read*")
    shows("\\d readings", 'Table "public.readings"', "tag", "text", "timestamp with time zone", "double precision")
    shows("\\d+ readings", 'Table "public.readings"', "tag")
    shows("\\l", "gongshu", "UTF8")
    shows("\\dn", "public")
    shows("\\du", "gongshu")
    shows("\\conninfo", "gongshu")
    shows("\\encoding", "UTF8")
    for command in ("\\di", "\\dv", "\\df", "\\dx", "\\ds"):
        done = psql.run(command, options=())
        assert done.returncode == 0 and "ERROR" not in done.stderr, f"{command}: {done.stderr}"
    done = psql.run("\\d nothing_such", options=())
    assert "Did not find any relation" in done.stderr, done.stderr


def statements(psql):
    assert psql.ask("select 1 as a; select 'b'") == "1\nb"
    assert psql.ask("set time zone 'Asia/Shanghai'", "select min(ts) from readings where ts >= '2026-03-01'") == "SET\n2026-03-01 08:00:00+08"
    assert psql.ask("show server_version").startswith("15.0 (Gongshu ")
    assert psql.ask("begin", "select 1", "commit") == "BEGIN\n1\nCOMMIT"
    said = psql.fail("select name,\n  wrong from devices")
    assert "LINE 2:" in said and "^" in said, said
    assert "reads only" in psql.fail("insert into readings values (1)")
    assert "no COPY" in psql.fail("\\copy readings to stdout")
    assert psql.ask("select count(*) from public.readings where ts >= '2026-03-01' and tag ~ '^line1/'") == str(ROWS)
    assert psql.ask("\\pset format csv", "select tag, value from readings where ts >= '2026-03-01' order by ts limit 1").splitlines()[-1] == "line1/a.temperature,20"
    csv = psql.run("\\copy (select 1) to stdout")
    assert csv.returncode != 0


def time_zones(psql):
    """What says no offset is of the session's zone; what says one means that; times are shown in it, clocks as they are."""
    def count(condition, *before):
        return psql.ask(*before, f"select count(*) from readings where {condition}").splitlines()[-1]
    shanghai = "set time zone 'Asia/Shanghai'"
    for condition in ("ts >= '2026-03-01 08:05'", "ts >= '2026-03-01 00:05:00+00'", "ts >= '2026-03-01 08:05'::timestamptz", f"ts >= to_timestamp({START + 300})",
                      "ts >= timestamp '2026-03-01 08:05'", "ts >= '2026-03-01' and in_zone(ts, 'UTC') >= '2026-03-01 00:05'",
                      "ts >= date_trunc('day', '2026-03-01 20:00'::timestamptz) + interval '8 hours 5 minutes'"):
        assert count(condition, shanghai) == "5", condition
    for zone in ("'+08'", "8", "interval '+08:00' hour to minute", "'PRC'", "'Etc/GMT-8'"):
        assert count("ts >= '2026-03-01 08:05'", f"set time zone {zone}") == "5", zone
    assert count("ts >= '2026-02-28 16:05'", "set time zone '+08:00'") == "5"  # POSIX: to the west
    assert count("ts >= '2026-03-01 08:05'") == "0"
    assert psql.ask(shanghai, "select count(*) from history(tags := 'line1/**', since := '2026-03-01 08:05', until := '2026-03-01 08:06')").endswith("\n1")
    assert psql.ask(shanghai, "select in_zone(min(ts), 'America/New_York'), min(ts) from readings where ts >= '2026-03-01'").endswith("\n2026-02-28 19:00:00|2026-03-01 08:00:00+08")
    assert psql.ask("select typeof(now()), typeof(in_zone(now(), 'UTC'))") == "TIMESTAMP WITH TIME ZONE|TIMESTAMP"
    told = subprocess.run(psql.arguments("-At", "-c", "select count(*) from readings where ts >= '2026-03-01 08:05'", "-c", "show timezone"), capture_output=True, text=True,
                          env={**os.environ, "PGTZ": "Asia/Shanghai"}).stdout
    assert told == "5\nAsia/Shanghai\n", told
    said = psql.fail("select * from readings where ts >= 'yesterdayish'")
    assert '"yesterdayish" cannot be read as a time' in said and "^" in said, said


def cursors_and_plans(psql):
    fetched = psql.ask("select value from readings where ts >= '2026-03-01' order by ts", options=("-At", "-v", "FETCH_COUNT=3")).splitlines()
    assert fetched == [str(20 + i) for i in range(ROWS)], fetched
    assert psql.ask("begin", "declare c cursor for select i from range(5) t(i)", "fetch 2 from c", "fetch all from c", "close c", "commit") == \
        "BEGIN\nDECLARE CURSOR\n0\n1\n2\n3\n4\nCLOSE CURSOR\nCOMMIT"
    assert "FETCH_COUNT" not in psql.fail("select nothing", options=("-At", "-v", "FETCH_COUNT=3"))
    assert len(psql.ask("explain select avg(value) from readings where ts >= '2026-03-01'").splitlines()) > 3
    done = psql.run("\\dp", options=())
    assert done.returncode == 0 and "readings" in done.stdout and not done.stderr, done
    said = psql.run("\\sf avg", options=()).stderr
    assert "no function avg whose text can be shown" in said, said


def grafana(psql):
    """What the editor of Grafana's PostgreSQL data source sends, and its macros as it expands them."""
    assert psql.ask("SELECT version()").startswith("PostgreSQL 15.0 (Gongshu")
    assert psql.ask("SELECT current_setting('server_version_num')::int/100") in ("1500", "1500.0")
    assert psql.ask("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") == ""
    path = """quote_ident(table_schema) IN (
          SELECT
            CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
          FROM
            generate_series(
              array_lower(string_to_array(current_setting('search_path'),','),1),
              array_upper(string_to_array(current_setting('search_path'),','),1)
            ) as i,
            string_to_array(current_setting('search_path'),',') s
          )"""
    tables = psql.ask(f"""select quote_ident(table_name) as "table" from information_schema.tables
    where quote_ident(table_schema) not in ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog',
    '_timescaledb_internal', '_timescaledb_config', 'timescaledb_information', 'timescaledb_experimental') and {path}""").splitlines()
    assert "readings" in tables, tables
    columns = psql.ask("""select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns
    where quote_ident(table_name) = 'readings'""").splitlines()
    assert "ts|timestamp with time zone" in columns and "value|double precision" in columns, columns
    between = "ts BETWEEN '2026-03-01T00:00:00Z' AND '2026-03-01T00:04:59.999Z'"
    assert psql.ask(f'SELECT ts AS "time", value FROM readings WHERE {between} ORDER BY ts').count("\n") == 4
    grouped = psql.ask(f"SELECT floor(extract(epoch from ts)/300)*300 AS \"time\", avg(value) FROM readings WHERE ts BETWEEN '2026-03-01T00:00:00Z' AND "
                       "'2026-03-02T00:00:00Z' GROUP BY 1 ORDER BY 1").splitlines()
    assert [float(line.split("|")[1]) for line in grouped] == [22.0, 27.0], grouped
    assert float(grouped[0].split("|")[0]) == START
    buckets = psql.ask("SELECT time_bucket('300 seconds', ts) AS time, max(value) FROM readings WHERE ts >= '2026-03-01' GROUP BY 1 ORDER BY 1").splitlines()
    assert buckets == ["2026-03-01 00:00:00+00|24", "2026-03-01 00:05:00+00|29"], buckets


JDBC = {
    "tables": ("""SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME,
 CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema'  WHEN true THEN CASE  WHEN n.nspname = 'pg_catalog' OR n.nspname = 'information_schema'
 THEN CASE c.relkind   WHEN 'r' THEN 'SYSTEM TABLE' ELSE NULL END ELSE NULL END WHEN false THEN CASE c.relkind  WHEN 'r' THEN 'TABLE' ELSE NULL END ELSE NULL END
 AS TABLE_TYPE, d.description AS REMARKS FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid
 AND d.objsubid = 0  and d.classoid = 'pg_class'::regclass) WHERE c.relnamespace = n.oid  AND n.nspname LIKE 'public' AND (false  OR ( c.relkind = 'r' AND
 n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ) ) ORDER BY TABLE_TYPE,TABLE_SCHEM,TABLE_NAME""", "|public|readings|TABLE|"),
    "columns": ("""SELECT * FROM (SELECT n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,
 a.attlen,t.typtypmod,row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') as attidentity,
 pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,dsc.description,t.typbasetype,t.typtype  FROM pg_catalog.pg_namespace n  JOIN pg_catalog.pg_class c
 ON (c.relnamespace = n.oid)  JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid)  JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid)  LEFT JOIN
 pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum)  LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum =
 dsc.objsubid)  LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class')  LEFT JOIN pg_catalog.pg_namespace dn ON
 (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog')  WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped  AND c.relname LIKE
 'readings') c WHERE true  ORDER BY nspname,c.relname,attnum""", "public|readings|tag|25|"),
    "schemas": ("SELECT nspname AS TABLE_SCHEM, NULL AS TABLE_CATALOG FROM pg_catalog.pg_namespace  WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' "
                " OR nspname = (pg_catalog.current_schemas(true))[1]) ORDER BY TABLE_SCHEM", "public|"),
    "databases": ("SELECT datname AS TABLE_CAT FROM pg_catalog.pg_database WHERE datallowconn = true ORDER BY datname", "gongshu"),
}


def other_catalogues(psql):
    for name, (text, part) in JDBC.items():
        said = psql.ask(text)
        assert part in said, f"{name}: {said}"


def node_client(program, token):
    env = {**os.environ, "GONGSHU_PG": program.ready["pg"], "GONGSHU_TOKEN": token, "PASSWORD": PASSWORD, "GONGSHU_CA": str(program.folder / "keys/ca.crt")}
    done = subprocess.run(["node", str(CLIENTS / "pg_client.mjs")], capture_output=True, text=True, timeout=180, env=env)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["token"] is None and told["person"] is None, told
    assert told["in_clear"] == "28P01" and told["wrong"] == "28P01", told
    assert told["rows"] == [{"tag": "line1/a.temperature", "ts": "2026-03-01T00:00:00.000Z", "value": 20, "quality": "good"},
                            {"tag": "line1/a.temperature", "ts": "2026-03-01T00:01:00.000Z", "value": 21, "quality": "good"}], told["rows"]
    assert told["types"] == [25, 1184, 701, 25], told["types"]
    assert told["named"] == [5, 2], told["named"]
    assert told["array"] == [[1, None, True]] and told["several"] == [{"a": 1}, {"b": 2}], told
    assert told["lists"] == [2, 0, 8], told["lists"]
    assert told["error"] == {"code": "42703", "position": "8", "severity": "ERROR"}, told["error"]
    assert told["in_transaction"] == ROWS and told["written"] == "25006", told
    assert told["cancelled"] == "57014" and told["after"] == 7, told
    assert told["many"] is True


def cancels(psql):
    running = subprocess.Popen(psql.arguments("-At", "-c", "select count(*) from range(1000000) a, range(1000000) b"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    running.send_signal(signal.SIGINT)  # psql sends a CancelRequest
    _, said = running.communicate(timeout=30)
    assert "cancel" in said.lower(), said
    began = time.monotonic()
    said = psql.fail("set statement_timeout = '700ms'", "select count(*) from range(1000000) a, range(1000000) b")
    assert time.monotonic() - began < 15 and "ERROR" in said, said


def cancels_what_waits(program, psql):
    def asked():
        metrics = program.call("GET", "/metrics", raw=True).decode()
        return int(float(next(line for line in metrics.splitlines() if line.startswith("gongshu_pg_statements_total")).split()[-1]))
    before = asked()
    slow = [subprocess.Popen(psql.arguments("-At", "-c", "select count(*) from range(1000000) a, range(1000000) b"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)]
    wait_for("four that run", lambda: asked() == before + 4, 60)
    waits = subprocess.Popen(psql.arguments("-At", "-c", "select 1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("one that waits", lambda: asked() == before + 5, 60)
    time.sleep(1)
    assert waits.poll() is None, waits.communicate()
    began = time.monotonic()
    waits.send_signal(signal.SIGINT)
    _, said = waits.communicate(timeout=30)
    assert "was cancelled" in said and time.monotonic() - began < 5, (said, time.monotonic() - began)
    for one in slow:
        one.send_signal(signal.SIGINT)
    for one in slow:
        assert "cancel" in one.communicate(timeout=60)[1].lower()


def connect(program):
    host, port = program.ready["pg"].split("//")[1].rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=20)


def hostile_bytes(program, psql):
    chance = random.Random(7)
    for _ in range(60):
        with connect(program) as stream:
            stream.sendall(bytes(chance.randrange(256) for _ in range(chance.randrange(1, 400))))
            stream.shutdown(socket.SHUT_WR)
            stream.settimeout(20)
            try:
                while stream.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    startup = struct.pack(">I", 0x30000) + b"user\0token\0\0"
    for first in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">I", 2**31), struct.pack(">I", len(startup) + 4) + startup + b"Q\xff\xff\xff\xff"):
        with connect(program) as stream:
            stream.sendall(first)
            stream.settimeout(20)
            said = b""
            while more := stream.recv(4096):
                said += more
            assert b"FATAL" in said, said
    assert psql.ask("select 1") == "1"


def many_connections(program, psql):
    """More connections than are taken: they are told so, those that are there go on, and afterwards there is room again."""
    startup = struct.pack(">I", 0x30000) + b"user\0token\0\0"
    packet = struct.pack(">I", len(startup) + 4) + startup
    streams = [connect(program) for _ in range(250)]
    try:
        refused = 0
        for stream in streams:
            stream.sendall(packet)
        for stream in streams:
            stream.settimeout(20)
            refused += b"53300" in stream.recv(4096)
        assert refused >= 40, refused
    finally:
        for stream in streams:
            stream.close()
    wait_for("room for a session", lambda: psql.run("select 1").returncode == 0, 20)


def what_left_is_known(program, token):
    metrics = program.call("GET", "/metrics", raw=True).decode()
    assert 'gongshu_egress_decisions_total{tenant="default",door="postgres"}' in metrics or 'door="postgres"' in metrics, "the egress counts no door postgres"
    try:
        program.post("/api/v1/write/json", [], user="token", password=token)
    except Refused:
        pass


def rights_end(program, psql):
    waiting = subprocess.Popen(psql.arguments("-At"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    waiting.stdin.write("select 1;\n")
    waiting.stdin.flush()
    assert waiting.stdout.readline() == "1\n"
    program.put("tokens", "grafana", {"role": "viewer", "disabled": True})
    time.sleep(1)
    waiting.stdin.write("select 2;\n")
    try:
        waiting.stdin.close()
    except BrokenPipeError:
        pass
    waiting.stdin = None
    out, said = waiting.communicate(timeout=30)
    assert "2" not in out and "were changed" in said, (out, said)
    assert "disabled" in psql.fail("select 1")


def main():
    absent = missing()
    assert not absent, f"missing: {', '.join(absent)}; 'tools/deps.sh test' installs them"
    with Program(args=("--pg", "127.0.0.1:0")) as program:
        assert program.ready["pg"].startswith("postgresql://127.0.0.1:"), program.ready
        assert program.get("/api/v1/status")["listeners"]["pg"] == program.ready["pg"]
        token = fill(program)
        by_token, person = signs_in(program, token)
        psql_commands(by_token)
        psql_commands(person)
        statements(by_token)
        time_zones(by_token)
        cursors_and_plans(by_token)
        grafana(by_token)
        other_catalogues(by_token)
        node_client(program, token)
        cancels(by_token)
        cancels_what_waits(program, by_token)
        hostile_bytes(program, by_token)
        many_connections(program, by_token)
        what_left_is_known(program, token)
        rights_end(program, by_token)
        assert program.stop() == 0
    with Program() as program:
        assert "pg" not in program.ready
    print("the PostgreSQL door: all as said")


if __name__ == "__main__":
    sys.exit(main())
