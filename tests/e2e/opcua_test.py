#!/usr/bin/env python3
"""The program beside a server of node-opcua: subscribed to, ended and started again, written to; signed and encrypted with a certificate that somebody has
accepted, and refused with a wrong password or another certificate.

    opcua_test.py [--cycles 2]
"""
import argparse
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused, wait_for  # noqa: E402
from rtu_test import cycles, few, on_the_way, status  # noqa: E402

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"


class Server:
    def __init__(self, folder, **how):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.how = {"port": self.port, "folder": str(folder), **how}
        self.url = f"opc.tcp://127.0.0.1:{self.port}"
        self.on()

    def on(self):
        self.process = subprocess.Popen(["node", "--no-deprecation", str(CLIENTS / "opcua_server.cjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, "OPCUA": json.dumps(self.how)})
        self.told = self.line("namespace")

    def line(self, key):
        """The library says things of its own on standard output."""
        for line in self.process.stdout:
            if line.startswith('{"' + key):
                return json.loads(line)
        raise AssertionError(f"the server ended with {self.process.wait(10)}")

    def off(self):
        self.process.kill()
        self.process.wait(20)

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def get(self, name):
        self.order(get=name)
        return self.line("held")["held"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.off()


def value_of(program, tag, want):
    wait_for(f"{tag} is {want}", lambda: program.last(tag) == want, 30)


def point(name, server, **more):
    return {"at": f"nsu={server.told['namespace']};s=Press/{name}", **more}


def subscribes(program, server, count):
    index = server.told["index"]
    program.put("connections", "press", {"protocol": "opcua", "endpoint": server.url, "period_ms": 100, "publishing_interval_ms": 200, "writes_enabled": True})
    program.put("device_types", "press", {"properties": [
        {"name": "speed", "type": "number", "point": {"at": f"ns={index};s=Press/speed", "scale": 0.1}},
        {"name": "force", "type": "number", "point": point("force", server)},
        {"name": "target", "type": "number", "min": 0, "max": 100, "writable": True, "point": point("target", server)},
        {"name": "parts", "type": "integer", "writable": True, "point": point("parts", server)},
        {"name": "running", "type": "boolean", "point": point("running", server)},
        {"name": "name", "type": "text", "point": point("name", server)},
        {"name": "gone", "type": "number", "point": point("gone", server)}]})
    program.put("devices", "site/press", {"type": "press", "connection": "press"})
    for name, value in {"speed": 10, "force": 5, "target": 40, "parts": 7, "running": True, "name": "press"}.items():
        value_of(program, f"site/press.{name}", [value, "good"])
    wait_for("the node that is not there", lambda: (program.last("site/press.gone") or ["", ""])[1] == "bad:refused")
    server.order(set={"speed": 255, "running": False, "name": "压机"})
    value_of(program, "site/press.speed", [25.5, "good"])
    value_of(program, "site/press.running", [False, "good"])
    value_of(program, "site/press.name", ["压机", "good"])
    server.order(set={"force": None})
    wait_for("a sensor that failed", lambda: program.last("site/press.force")[1] == "bad:sensor")
    server.order(set={"force": 6})
    value_of(program, "site/press.force", [6, "good"])

    write = {"property": "target", "value": 55.5, "reason": "a test"}
    assert program.post("/api/v1/devices/site%2Fpress:write", {**write, "id": "w1"})["done"], "not written"
    assert server.get("target") == 55.5
    assert program.post("/api/v1/devices/site%2Fpress:write", {**write, "id": "w2", "property": "parts", "value": 8})["read_back"] == 8
    try:
        program.post("/api/v1/devices/site%2Fpress:write", {**write, "id": "w3", "value": 101})
        raise AssertionError("written beyond its limit")
    except Refused as refused:
        assert "must be 0 to 100" in refused.body, refused.body
    assert server.get("target") == 55.5

    report = program.post("/api/v1/connections/press:test")
    values = {value["tag"]: value for value in report["values"]}
    assert values["site/press.target"]["value"] == 55.5, report
    assert not report["ok"] and any("BadNodeIdUnknown" in step["detail"] for step in report["steps"]), report
    at = status(program, "press")
    assert at["state"] == "up" and at["latency_ms"] > 0 and at["counters"]["readings"] > 6, at
    cycles(program, "OPC UA", "site/press.speed", count, server.off, server.on)
    # The server keeps the session of each link that breaks for 20 s, and has ten.
    on_the_way(program, "OPC UA", "press", "site/press.speed", server.port, min(3, few(count)),
               address=lambda port: {"endpoint": f"opc.tcp://127.0.0.1:{port}"})


def is_safe(program, server):
    """Nothing is trusted that nobody has accepted, and no password is shown."""
    spec = {"protocol": "opcua", "endpoint": server.url, "security_mode": "SignAndEncrypt", "user": "li", "password": "falsch-9",
            "publishing_interval_ms": 200}
    program.put("connections", "press", spec)
    wait_for("it is not accepted", lambda: "is not accepted yet" in status(program, "press")["last_error"])
    report = program.post("/api/v1/connections/press:test")
    found = re.search(r"server_fingerprint: ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})", json.dumps(report))
    assert not report["ok"] and found, report
    program.put("connections", "press", {**spec, "server_fingerprint": "00" * 32})
    wait_for("another one was accepted", lambda: "another certificate" in status(program, "press")["last_error"])
    program.put("connections", "press", {**spec, "server_fingerprint": found.group(1)})
    wait_for("a wrong password", lambda: "refuses this user name or password" in status(program, "press")["last_error"], 30)
    for policy in ("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"):
        for mode in ("Sign", "SignAndEncrypt"):
            program.put("connections", "press", {**spec, "server_fingerprint": found.group(1), "password": "right-7", "security_policy": policy, "security_mode": mode})
            wait_for(f"{policy} {mode}", lambda: status(program, "press")["state"] == "up", 30)
            server.order(set={"speed": len(policy + mode) * 10})
            value_of(program, "site/press.speed", [len(policy + mode), "good"])
    shown = json.dumps(program.get("/api/v1/connections/press"))
    assert "right-7" not in shown and "secret" in shown, shown
    assert "right-7" not in (program.folder / "log.txt").read_text(errors="replace")
    keys = program.folder / "keys"
    assert (keys / "opcua.der").exists() and (keys / "opcua.key").stat().st_mode & 0o77 == 0


def is_refused(program, server):
    """The server does not know our certificate: what it says is told with what to do."""
    stored = program.get("/api/v1/connections/press")["spec"]
    stored.update({"endpoint": server.url, "user": None, "password": None, "security_mode": "Sign", "server_fingerprint": None})
    spec = {key: value for key, value in stored.items() if value is not None}
    program.put("connections", "press", spec)
    wait_for("it is not accepted", lambda: "is not accepted yet" in status(program, "press")["last_error"], 30)
    shown = re.search(r"server_fingerprint: ([0-9A-F:]+)", status(program, "press")["last_error"]).group(1)
    program.put("connections", "press", {**spec, "server_fingerprint": shown})
    wait_for("we are not trusted", lambda: "does not trust the certificate of this program yet" in status(program, "press")["last_error"], 30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Program(args=["--allow-target", "127.0.0.1"]) as program:
        with Server(pathlib.Path(folder) / "pki") as server:
            subscribes(program, server, options.cycles)
        with Server(pathlib.Path(folder) / "pki", user="li", password="right-7") as server:
            is_safe(program, server)
        with Server(pathlib.Path(folder) / "strict", accepts=False) as server:
            is_refused(program, server)
    print("passed")


if __name__ == "__main__":
    main()
