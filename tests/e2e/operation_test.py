#!/usr/bin/env python3
"""What keeps a server well: its own log in files that are opened anew on SIGHUP, the checks of `gongshu doctor` beside
it and without it, and readings that leave by age with a hold that stays."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, Program, wait_for  # noqa: E402

DAY = 86_400_000


def doctor(*args, env=None):
    run = subprocess.run([str(PROGRAM), "doctor", "--json", *args], capture_output=True, text=True, timeout=60,
                         env={**os.environ, "GONGSHU_URL": "", "GONGSHU_TOKEN": "", **(env or {})})
    assert run.returncode in (0, 1, 2) and run.stdout, (args, run)
    report = json.loads(run.stdout)
    assert run.returncode == ["good", "warning", "bad"].index(report["worst"]), report
    return report


def finding(report, name):
    return next(one for one in report["findings"] if one["id"] == name)


def check_log(program, folder):
    log = folder / "logs/gongshu.log"
    wait_for("the log file", lambda: log.exists())
    log.rename(folder / "logs/moved.log")
    program.process.send_signal(signal.SIGHUP)
    wait_for("a new log file", lambda: log.exists())
    assert program.get("/api/v1/status")["version"], "SIGHUP must not end a server that has log files"


def check_doctor_beside(program, folder, keys):
    places = ("--data", str(folder), "--key-folder", str(keys))
    report = doctor(*places)
    assert report["running"] and finding(report, "data_folder")["grade"] == "good", report
    assert finding(report, "store")["grade"] == "good" and finding(report, "keys")["grade"] == "good", report
    password = folder.parent / "password-file"
    password.write_text(PASSWORD)
    asked = doctor(*places, "--to", program.url, "--user", "admin", "--password-file", str(password))
    assert "0 connections" in finding(asked, "connections")["text_en"], asked
    away = doctor(*places, "--to", "http://127.0.0.1:9", "--token", "x")
    assert finding(away, "connections")["grade"] == "warning", away
    same = program.get("/api/v1/doctor")
    assert same["running"] and finding(same, "store")["grade"] == "good", same


def check_retention(program):
    now = int(time.time() * 1000)
    rows = [{"tag": tag, "ts": now - age * DAY, "value": age} for tag in ("a/m.x", "b/m.x") for age in range(0, 50, 5)]
    program.call("POST", "/api/v1/write/json?precision=ms&import=1", rows)
    program.post("/api/v1/admin/compact")
    program.put("retentions", "short", {"tags": ["**"], "keep": "20d"})
    program.put("holds", "kept", {"tags": ["b/**"], "reason": "test"})
    told = program.post("/api/v1/admin/retention:preview")
    removed = program.post("/api/v1/admin/retention:run")["removed"]
    assert removed["rows"] == told["server"]["to_go"]["rows"] == 5, (removed, told)
    left = {tag: len(program.read(tag, "now-100d", "now")) for tag in ("a/m.x", "b/m.x")}
    assert left == {"a/m.x": 5, "b/m.x": 10}, left
    assert program.last("a/m.x")[0] == 0


def check_doctor_without(folder, keys):
    places = ("--data", str(folder), "--key-folder", str(keys), "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
    report = doctor(*places)
    assert not report["running"] and finding(report, "last_stop")["grade"] == "good", report
    (folder / "stopped").unlink()
    (keys / "registry.key").chmod(0o644)
    with tempfile.TemporaryDirectory() as made:
        bundle = pathlib.Path(made) / "help.tar"
        report = doctor(*places, "--bundle", str(bundle))
        assert report["worst"] == "bad" and finding(report, "keys")["grade"] == "bad", report
        assert finding(report, "last_stop")["grade"] == "warning", report
        with tarfile.open(bundle) as archive:
            names = archive.getnames()
            assert {"gongshu/report.txt", "gongshu/report.json", "gongshu/files.txt", "gongshu/logs/gongshu.log"} <= set(names), names
    missing = doctor("--data", str(folder / "nowhere"), "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
    assert finding(missing, "data_folder")["grade"] == "bad", missing


def main():
    with Program(args=["--log-files", "3", "--log-level", "debug"]) as program:
        keys = program.folder / "keys"
        check_log(program, program.data)
        check_doctor_beside(program, program.data, keys)
        check_retention(program)
        assert program.stop() == 0
        check_doctor_without(program.data, keys)
    print("log files, doctor and retention do what they say")


if __name__ == "__main__":
    main()
