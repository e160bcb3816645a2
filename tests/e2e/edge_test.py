#!/usr/bin/env python3
"""`gongshu edge` sends every reading on to a platform over TLS: the way is cut, both ends are killed with -9 meanwhile, and
in the end the platform has what was acknowledged at the edge, no more and no less.

    edge_test.py [--outage 6] [--rate 2000]

`--outage 600 --rate 10000` is the large one; it prints what it came to.
"""
import argparse
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused, wait_for  # noqa: E402
from way import Way  # noqa: E402

TAGS = 50


def certificates(folder):
    """An authority, and a certificate of it for 127.0.0.1."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=works", "-keyout", "ca.key", "-out", "ca.pem",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=platform", "-keyout", "key.pem", "-out", "request.pem")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "cert.pem")


class Machines(threading.Thread):
    """Readings at a steady rate; remembers those that were acknowledged. What was not is sent again, as a gateway does."""

    def __init__(self, edge, rate):
        super().__init__(daemon=True)
        self.edge, self.rate = edge, rate
        self.acknowledged = 0
        self.sums = [0] * TAGS
        self.running = True
        self.late = 0.0

    def run(self):
        step = 0.1
        each = max(1, int(self.rate * step / TAGS))
        at = time.monotonic()
        value = 0
        while self.running:
            now = time.time_ns()
            rows, added = [], []
            for tag in range(TAGS):
                total = 0
                for i in range(each):
                    value += 1
                    total += value % 1000
                    rows.append({"tag": f"press/line1/m{tag}.count", "ts": now - (each - i) * 1000, "value": value % 1000})
                added.append(total)
            body = json.dumps(rows)
            while self.running:
                try:
                    self.edge.call("POST", "/api/v1/write/json?precision=ns", body)
                    break
                except (OSError, Refused):
                    time.sleep(0.1)
            else:
                return
            self.acknowledged += len(rows)
            self.sums = [a + b for a, b in zip(self.sums, added)]
            at += step
            self.late = max(self.late, time.monotonic() - at)
            time.sleep(max(0.0, at - time.monotonic()))


def totals(program, prefix=""):
    """Of each tag: how many, their sum."""
    asked = urllib.parse.urlencode({"tag": f"{prefix}press/**", "from": "now-1d", "to": "now+1d", "every": "7d", "agg": "count,sum"})
    found = {}
    for series in program.get(f"/api/v1/read?{asked}")["series"]:
        found[series["tag"][len(prefix):]] = (sum(row[1] for row in series["rows"]), sum(row[2] for row in series["rows"]))
    return found


def program_last(program, tag):
    return (program.last(tag) or [None, None])[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--outage", type=float, default=6)
    parser.add_argument("--rate", type=int, default=2000)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-edge-"))
    certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    way = Way(context=context)
    with Program() as platform:
        def platform_is_at():
            host, port = platform.url.split("//")[1].rsplit(":", 1)
            way.target = (host, int(port))
        platform_is_at()
        platform.put("roles", "works2", {"base": "engineer", "paths": ["works2"]})
        platform.put("tokens", "edge", {"role": "works2", "note": "edge of works 2"})
        (folder / "token").write_text(platform.post("/api/v1/tokens/edge:issue")["token"] + "\n")
        arguments = ["--forward-to", f"https://127.0.0.1:{way.port}", "--forward-token-file", str(folder / "token"), "--forward-ca", str(folder / "ca.pem"),
                     "--forward-under", "works2", "--seal-bytes", "1MB"]
        with Program("edge", args=arguments) as edge:
            def status():
                return edge.get("/api/v1/status/forwarding")

            # A tag of each machine before all else: more new ones come later than a minute allows.
            machines = Machines(edge, options.rate)
            machines.start()
            wait_for("readings at the platform", lambda: len(totals(platform, "works2/")) == TAGS, 30)

            way.cut()
            began = time.monotonic()
            wait_for("that the edge says why", lambda: status()["state"] == "waiting", 30)
            assert status()["problem"], status()
            time.sleep(options.outage / 2)
            edge.kill()
            edge.start()
            assert status()["platform"].startswith("https://")
            left = options.outage - (time.monotonic() - began)
            time.sleep(max(0.0, left))
            behind = status()["behind_bytes"]
            assert behind > 0, status()

            before, sent_before, healed = way.bytes, status()["sent"], time.monotonic()
            way.heal()
            wait_for("the first readings after the cut", lambda: status()["sent"] > sent_before, 90)
            platform.kill()
            platform.start()
            platform_is_at()
            wait_for("that the edge has caught up", lambda: status()["state"] == "idle", 600)
            caught_up = time.monotonic() - healed
            sent = status()["sent"] - sent_before
            machines.running = False
            machines.join(30)
            wait_for("the last readings", lambda: status()["state"] == "idle" and totals(platform, "works2/") == totals(edge), 60)

            here, there = totals(edge), totals(platform, "works2/")
            assert here == there
            assert sum(count for count, _ in here.values()) >= machines.acknowledged
            for tag in range(TAGS):
                # A request that was stored and not answered was sent again with the same times: it changes nothing.
                assert here[f"press/line1/m{tag}.count"][1] == machines.sums[tag], (tag, machines.sums[tag])
            end = status()
            assert end["lost"] == 0 and end["refused"] == 0, end
            kept = list((edge.data / "history" / "kept").glob("*.log"))
            assert len(kept) <= 1, kept
            print(f"{machines.acknowledged} readings of {TAGS} tags; cut for {options.outage:.0f} s at {options.rate} readings/s, both ends killed with -9 once: "
                  f"none lost; {behind / 1e6:.1f} MB of log waited; {sent} readings in {caught_up:.1f} s after the cut "
                  f"({(way.bytes - before) / sent:.1f} bytes a reading on the way), with the restart of the platform; the machines were {machines.late:.1f} s late at most")

            # A gap is sent as one.
            edge.post("/api/v1/write/json?precision=ns", [{"tag": "press/line1/gap.x", "ts": time.time_ns() - 10**9, "value": 1.5},
                                                          {"tag": "press/line1/gap.x", "ts": time.time_ns(), "value": None, "quality": "bad:sensor"}])
            wait_for("the gap at the platform", lambda: program_last(platform, "works2/press/line1/gap.x") == "bad:sensor", 30)

            # What the platform refuses is told, and holds up nothing.
            (folder / "token").write_text("nonsense\n")
            edge.stop()
            edge.start()
            edge.post("/api/v1/write/json", [{"tag": "press/line1/m1.count", "value": 5}])
            wait_for("the refusal of the token", lambda: "401" in status()["problem"], 30)
            found = [one for one in edge.get("/api/v1/overview")["wrong"] if one["name"] == "forwarding"]
            assert found == [], "one failure is not told yet"
    # Without TLS a token goes nowhere, and an edge without a platform is none.
    for arguments, what in ((["--forward-to", "http://192.0.2.1"], "use https"), ([], "--forward-to is missing"),
                            (["--forward-to", "https://192.0.2.1"], "--forward-token-file")):
        try:
            Program("edge", args=arguments).kill()
        except AssertionError as error:
            assert what in str(error), error
        else:
            raise AssertionError(f"it began with {arguments}")


if __name__ == "__main__":
    main()
