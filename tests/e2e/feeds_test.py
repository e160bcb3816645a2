#!/usr/bin/env python3
"""Readings from other platforms' clients and back to them: Debian's InfluxDB client library and its influx command, Prometheus that
scrapes, writes to us and reads from us, batches made by this test's own encoder, and an export that comes into a second server."""
import base64
import gzip
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from batch import column, frame, steps, svarint, varint  # noqa: E402
from harness import PROGRAM, Program, Refused, wait_for  # noqa: E402

BASE = 1_700_000_000_000_000_000
FROM, TO = "2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"


def token_of(program, role):
    program.put("tokens", f"feeds-{role}", {"role": role, "note": "feeds"})
    return program.post(f"/api/v1/tokens/feeds-{role}:issue")["token"]


def send(program, path, body, headers, method="POST"):
    """(status, headers, text) whatever the status."""
    request = urllib.request.Request(program.url + path, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


# ---- InfluxDB ---------------------------------------------------------------------------------------------------------

def influx_library(program, token):
    """python3-influxdb, which speaks to InfluxDB 1: signs in by basic auth, makes its database, writes with retries."""
    from influxdb import InfluxDBClient
    from influxdb.exceptions import InfluxDBClientError
    host, port = program.url.split("//")[1].rsplit(":", 1)
    client = InfluxDBClient(host, int(port), "anything", token, "plant", gzip=True)
    assert client.ping() == "gongshu" or client.ping().startswith("gongshu-"), client.ping()
    client.create_database("plant")
    assert client.get_list_database() == [{"name": "default"}]
    points = [{"measurement": "oven temp", "tags": {"line": "a,1", "state=": "è"}, "time": BASE // 10**6 + i,
               "fields": {"value": 180.5 + i, "count": i, "on": i % 2 == 0, "text": 'say "hi"\\ there'}} for i in range(100)]
    assert client.write_points(points, time_precision="ms", batch_size=30)
    rows = program.read("oven temp/a,1/è.value", FROM, TO)
    assert [row[:2] for row in rows] == [[BASE + i * 10**6, 180.5 + i] for i in range(100)], rows[:3]
    assert program.last("oven temp/a,1/è.text") == ['say "hi"\\ there', "good"]
    assert program.last("oven temp/a,1/è.count") == [99, "good"]
    try:
        client.write_points(["oven x=", "oven y=1"], protocol="line")
        raise AssertionError("a line without a value was taken")
    except InfluxDBClientError as error:
        assert error.code == 400 and "has no value" in str(error), error
    assert program.last("oven.y") == [1, "good"]


def influx_command(program, token):
    """Debian's influx, version 1.6: it imports a file of lines."""
    host, port = program.url.split("//")[1].rsplit(":", 1)
    file = program.folder / "import.txt"
    lines = "".join(f"press,line=b,number=n{i % 10} force={i}.25,count={i}i {BASE + i * 10**9}\n" for i in range(500))
    file.write_text("# DDL\nCREATE DATABASE plant\n# DML\n# CONTEXT-DATABASE: plant\n" + lines)
    done = subprocess.run(["influx", "-host", host, "-port", port, "-username", "x", "-password", token, "-import", f"-path={file}",
                           "-precision=ns"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0 and "500 inserts" in done.stdout and "Failed 0 inserts" in done.stdout, done.stdout
    assert len(program.read("press/b/n7.force", FROM, TO)) == 50


def influx_two(program, token, viewer):
    """As Telegraf's output for InfluxDB 2 does it: one gzip body, `Token`, a precision."""
    def write(body, token=token, query="org=o&bucket=b&precision=ns"):
        headers = {"Authorization": f"Token {token}", "Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8", "User-Agent": "Telegraf"}
        return send(program, f"/api/v2/write?{query}", gzip.compress(body.encode()), headers)
    assert write(f"cpu,cpu=cpu0,host=h1 usage_user=1.5,usage_idle=98i,n=7u {BASE}\r\n# said\r\n\r\nmem,host=h1 free=5i {BASE}\r\n")[0] == 204
    assert program.read("cpu/cpu0/h1.usage_user", FROM, TO) == [[BASE, 1.5, "good"]]
    status, _, text = write("cpu,cpu=cpu0,host=h1 usage_user=nan\nmem,host=h1 free=6i\n")
    told = json.loads(text)
    assert status == 400 and told["code"] == "invalid" and "line 1" in told["message"] and told["written"] == 1, told
    assert write("a x=1", token=viewer)[0] == 403 and write("a x=1", token="gst_nobody")[0] == 401
    assert send(program, "/ping", None, {}, "GET")[0] == 204 and json.loads(send(program, "/health", None, {}, "GET")[2])["status"] == "pass"


# ---- Prometheus -------------------------------------------------------------------------------------------------------

class Prometheus:
    def __init__(self, program, token):
        self.folder = program.folder / "prometheus"
        self.folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        target = program.url.split("//")[1]
        config = {"global": {"scrape_interval": "1s", "external_labels": {"plant": "north"}},
                  "scrape_configs": [{"job_name": "gongshu", "authorization": {"credentials": token}, "static_configs": [{"targets": [target]}]}],
                  "remote_write": [{"url": f"{program.url}/api/v1/prom/write", "authorization": {"credentials": token}}],
                  "remote_read": [{"url": f"{program.url}/api/v1/prom/read", "authorization": {"credentials": token}, "read_recent": True,
                                   "filter_external_labels": False}]}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.log = open(self.folder / "log.txt", "wb")
        self.process = subprocess.Popen(
            [shutil.which("prometheus"), f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=info"], stdout=self.log, stderr=self.log)

    def ask(self, path, **query):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}?{urllib.parse.urlencode(query)}", timeout=20) as answer:
            return answer.read().decode()

    def query(self, promql):
        return json.loads(self.ask("api/v1/query", query=promql))["data"]["result"]

    def own(self, name):
        """The sum of one of its own counters."""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.ask("metrics").splitlines() if line.startswith(name + "{") or line.startswith(name + " "))

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        try:
            return self.ask("-/ready")
        except (urllib.error.URLError, ConnectionError):
            return None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        if kind:
            print((self.folder / "log.txt").read_text()[-3000:], file=sys.stderr)


def prometheus(program, token):
    now = time.time_ns()
    # What Prometheus never scraped: it can only have it from us.
    lines = "".join(f"boiler,line=north pressure={5 + i},value={i} {now - (60 - i) * 10**9}\n" for i in range(60))
    program.call("POST", "/api/v1/write", lines)
    program.post("/api/v1/write/json", [{"tag": "works/cnc1.motor.speed", "value": 1480}])
    with Prometheus(program, token) as other:
        wait_for("Prometheus", other.is_ready, 60)
        instance = program.url.split("//")[1].replace(".", "%2E")
        path = f"up/{instance}/gongshu/north.value"
        wait_for("what it scraped", lambda: program.last(path), 60)
        wait_for("more of it", lambda: len(program.read(path, "now-1h", "now")) >= 3, 60)
        assert program.last(path) == [1, "good"], program.last(path)
        scraped = program.get("/api/v1/tags?glob=gongshu_*/**&limit=50")["tags"]
        assert scraped and all(tag["labels"]["job"] == "gongshu" and tag["labels"]["plant"] == "north" for tag in scraped), scraped[:2]

        # Its PromQL over ours, by remote read.
        found = other.query('boiler{line="north"}')
        assert [one["value"][1] for one in found] == ["59"], found
        assert other.query('count_over_time(boiler{line=~"n.*th"}[5m])')[0]["value"][1] == "60"
        assert other.query('max_over_time(boiler_pressure{line!~"s.*"}[5m])')[0]["value"][1] == "64"
        assert abs(float(other.query('sum by (line) (deriv(boiler[5m]))')[0]["value"][1]) - 1) < 1e-6
        machine = other.query('motor_speed{device="works/cnc1"}')
        assert machine[0]["metric"]["tag"] == "works/cnc1.motor.speed" and machine[0]["value"][1] == "1480", machine
        assert other.query('{__name__="boiler",line="south"}') == []

        # What it wrote comes back the same as what it keeps itself.
        def shared():
            stored = {row[0] // 10**6: row[1] for row in program.read(path, "now-1h", "now")}
            return stored if len(stored) >= 5 else None
        stored = wait_for("five samples", shared, 60)
        kept = other.query(f'up{{job="gongshu"}}[10m]')
        assert len(kept) >= 1, kept
        values = {round(float(t) * 1000): float(v) for one in kept for t, v in one["values"]}
        assert all(values.get(t) == v for t, v in list(stored.items())[:-1]), (stored, values)
        assert other.own("prometheus_remote_storage_samples_total") > 100
        for name in ("samples_failed_total", "samples_dropped_total"):
            assert other.own("prometheus_remote_storage_" + name) == 0, name
    took = {one["door"]: one for one in program.get("/api/v1/egress")["doors"]}
    assert took["prometheus"]["rows"] >= 60 and took["prometheus"]["bytes"] > 0, took


# ---- batches ----------------------------------------------------------------------------------------------------------

def batches(program, token):
    times = [BASE + i * 10**8 for i in range(1000)]
    body = frame(column("works/edge1.temp", 1, times, 2, varint(1) + varint(1) + steps([200 + i % 50 for i in range(1000)])),
                 column("works/edge1.raw", 1, times[:2], 2, varint(0) + struct.pack("<dd", 0.1, 1e300)),
                 column("works/edge1.count", 2, times[:3], 2, steps([-5, 2**60, 7])),
                 column("works/edge1.on", 3, times[:3], 2, b"\x05"),
                 column("works/edge1.state", 4, times[:2], 2, varint(6) + "运行".encode() + varint(0)),
                 column("works/edge1.lost", 1, times[:1], 0x0100, varint(1) + varint(0) + svarint(0)))
    headers = {"Authorization": f"Bearer {token}"}
    assert len(body) < 2.6 * 1000, len(body)
    for attempt in (body, gzip.compress(body)):  # the second one is the same again
        extra = {} if attempt is body else {"Content-Encoding": "gzip"}
        assert send(program, "/api/v1/write/batch", attempt, {**headers, **extra})[0] == 204
    # Acknowledged is durable.
    program.kill()
    program.start()
    rows = program.read("works/edge1.temp", FROM, TO)
    assert [row[:2] for row in rows] == [[t, (200 + i % 50) / 10] for i, t in enumerate(times)], rows[:3]
    assert [row[1] for row in program.read("works/edge1.raw", FROM, TO)] == [0.1, 1e300]
    assert [row[1] for row in program.read("works/edge1.count", FROM, TO)] == [-5, str(2**60), 7]
    assert [row[1] for row in program.read("works/edge1.on", FROM, TO)] == [True, False, True]
    assert [row[1] for row in program.read("works/edge1.state", FROM, TO)] == ["运行", ""]
    assert program.last("works/edge1.lost")[1] == "bad:timeout"
    broken = bytearray(frame(column("works/edge1.never", 1, times[:1], 2, varint(1) + varint(0) + svarint(3))))
    broken[-1] ^= 1
    status, _, text = send(program, "/api/v1/write/batch", bytes(broken), headers)
    assert status == 400 and b"checksum" in text and program.last("works/edge1.never") is None, text


# ---- export -----------------------------------------------------------------------------------------------------------

def export(program, query, token, **headers):
    status, head, text = send(program, f"/api/v1/readings:export?{query}", None, {"Authorization": f"Bearer {token}", **headers}, "GET")
    assert status == 200, text
    return text, head


def exports(program, token):
    """300,000 readings go out while memory stays small, and come into another server as what they were."""
    per_request, requests = 50_000, 6
    for request in range(requests):
        first = request * per_request
        lines = "".join(f"bulk,device=d{i % 10} x={i % 977 / 8} {BASE + i * 10**6}\n" for i in range(first, first + per_request))
        program.call("POST", "/api/v1/write?import=1", gzip.compress(lines.encode(), 1), headers={"Content-Encoding": "gzip"}.items())
    program.post("/api/v1/admin/compact")

    def resident():
        status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])
    before = resident()
    query = f"tag=bulk/**&from={FROM}&to={TO}"
    plain, _ = export(program, query + "&format=line", token)
    packed, head = export(program, query + "&format=line", token, **{"Accept-Encoding": "gzip"})
    assert head["Content-Encoding"] == "gzip" and gzip.decompress(packed) == plain and len(packed) * 4 < len(plain)
    assert plain.count(b"\n") == per_request * requests, plain.count(b"\n")
    grown = resident() - before  # a build with ASan keeps 256 MB of what was freed
    assert grown < 400_000, f"{grown} KiB more for an export of {len(plain)} bytes"

    rest = f"tag=works/edge1.*&tag=oven*/**&tag=press/**&from={FROM}&to={TO}"
    with Program() as second:
        there = token_of(second, "admin")
        lines, _ = export(program, f"tag=**&from={FROM}&to={TO}&format=line", token)
        size = 20 << 20
        for begin in range(0, len(lines), size):  # whole lines in each part
            start = lines.rfind(b"\n", 0, begin) + 1 if begin else 0
            end = lines.rfind(b"\n", 0, begin + size) + 1 if begin + size < len(lines) else len(lines)
            second.call("POST", "/api/v1/write?import=1", lines[start:end])
        assert export(second, f"tag=**&from={FROM}&to={TO}&format=line", there)[0] == lines
    with Program() as third:
        there = token_of(third, "admin")
        json_lines, _ = export(program, rest + "&format=jsonl", token)
        # JSON's whole numbers begin a tag of numbers, which holds them to 2^53: for longer ones the tag is made first.
        third.post("/api/v1/imports:tags", {"tags": [{"tag": "works/edge1.count", "type": "integer", "unit": ""}]})
        status, _, text = send(third, "/api/v1/write/json?import=1", json_lines, {"Authorization": f"Bearer {there}", "Content-Type": "application/x-ndjson"})
        assert status == 204, text
        assert export(third, rest + "&format=jsonl", there)[0] == json_lines
    with Program() as fourth:
        # CSV by the importer: its map says what the columns are.
        there = token_of(fourth, "admin")
        table, _ = export(program, f"tag=press/**&tag=bulk/d1.*&from={FROM}&to={TO}", token)
        file = program.folder / "export.csv"
        file.write_bytes(table)
        given = program.folder / "export.yaml"
        given.write_text('time: {column: ts, format: ns, zone: UTC}\npath: "{device:raw}"\ncolumns:\n  value: {property: "{property}"}\n')
        secret = program.folder / "secret"
        secret.write_text(there)
        done = subprocess.run([str(PROGRAM), "import", str(file), "--map", str(given), "--to", fourth.url],
                              env={"GONGSHU_TOKEN": there, "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        assert done.returncode == 0, done.stdout
        assert export(fourth, f"tag=press/**&tag=bulk/d1.*&from={FROM}&to={TO}", there)[0] == table
    took = {one["door"]: one for one in program.get("/api/v1/egress")["doors"]}
    assert took["export"]["rows"] >= 3 * per_request * requests, took["export"]
    asked = [one["what"] for one in program.get("/api/v1/egress")["taken"] if one["door"] == "export"]
    assert "works/edge1.* oven*/** press/**" in asked, asked


def main():
    with Program() as program:
        token, viewer = token_of(program, "admin"), token_of(program, "viewer")
        influx_library(program, token)
        influx_command(program, token)
        influx_two(program, token, viewer)
        prometheus(program, token)
        batches(program, token)
        exports(program, token)
    print("InfluxDB's clients, Prometheus, batches and exports work both ways")


if __name__ == "__main__":
    main()
