#!/usr/bin/env python3
"""A backup taken under load, checked by sha256sum, restored elsewhere: everything acknowledged before it began is in it."""
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, Program, simple_type, wait_for  # noqa: E402

BEGIN = 1_700_000_000_000_000_000
STEP = 1_000_000_000


def command(program, *arguments):
    return subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, timeout=300,
                          env={"GONGSHU_URL": program.url} if program else None)


class Load(threading.Thread):
    """Writes rows one batch after another; `done` counts those that were acknowledged."""

    def __init__(self, program):
        super().__init__(daemon=True)
        self.program, self.done, self.go_on, self.error = program, 0, True, None

    def run(self):
        try:
            while self.go_on:
                lines = "\n".join(f"load,site=a x={i},y={i * 0.5} {BEGIN + i * STEP}" for i in range(self.done, self.done + 200))
                self.program.call("POST", "/api/v1/write", lines, headers=[("Content-Type", "text/plain")])
                self.done += 200
                # Each is a record of the audit, on its way into the ledger while that is copied.
                self.program.put("sites", f"busy{self.done // 200 % 5}", {"time_zone": "UTC"})
        except Exception as error:  # told by the main thread
            self.error = error


def rows(program, count):
    """What is kept of the first `count` rows, as one hash."""
    got = program.read("load/a.x", BEGIN, BEGIN + count * STEP, rows_max=1_000_000)
    return len(got), hashlib.sha256(json.dumps(got).encode()).hexdigest()


def ended(program):
    """The state once the job that runs has ended."""
    for _ in range(1200):
        state = program.get("/api/v1/admin/backups")
        if state["running"] is None:
            return state
        time.sleep(0.1)
    raise AssertionError(f"no end: {state}")


def check_drill(program, folder, password):
    """The backup is proved by reading it; a flipped byte is found; what a killed drill left goes."""
    ended(program)
    drilled = command(program, "backup", "drill", "--user", "admin", "--password-file", str(password))
    assert drilled.returncode == 0 and f"{folder.name} is proved by reading: " in drilled.stdout, drilled
    state = ended(program)
    proof = state["backups"][0]["proof"]
    assert proof == state["proved"] and proof["problem_count"] == 0 and proof["rows"] >= 2000 and proof["resources"] >= 1, proof
    assert proof["audit_records"] > 0 and proof["ledgers"] == 1, proof
    assert not (folder.parent / "drill").exists() and not (folder.parent / "drill.part").exists()
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True, timeout=60)
    names = {one["id"]: one for one in program.get("/api/v1/doctor")["findings"]}
    assert names["backup_proof"]["grade"] == "good", names["backup_proof"]

    victim = folder / "registry/registry.db"
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    found = command(program, "backup", "drill", folder.name, "--user", "admin", "--password-file", str(password))
    assert found.returncode == 1 and "registry/registry.db: is not as it was written" in found.stderr, found
    names = {one["id"]: one for one in program.get("/api/v1/doctor")["findings"]}
    assert names["backup_proof"]["grade"] == "bad", names["backup_proof"]
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    again = command(program, "backup", "drill", "--user", "admin", "--password-file", str(password))
    assert again.returncode == 0, again


def check_target():
    """A second place: refused while it is not the right one, and the backup here is made all the same; then copied."""
    with tempfile.TemporaryDirectory(prefix="gongshu-target-") as made:
        nas = pathlib.Path(made) / "nas"
        nas.mkdir()
        with Program(args=["--backup-target", str(nas)]) as program:
            password = program.folder / "password"
            assert command(program, "backup", "--user", "admin", "--password-file", str(password)).returncode == 0
            wait_for("the refusal", lambda: "no file gongshu-backup-target" in program.get("/api/v1/admin/backups")["target"]["problem"])
            assert not list(nas.iterdir())
            assert "gongshu_backup_target_behind 1" in program.call("GET", "/metrics", raw=True).decode()
            (nas / "gongshu-backup-target").touch()
            time.sleep(1)  # a backup is named by its second
            assert command(program, "backup", "--user", "admin", "--password-file", str(password)).returncode == 0
            wait_for("the copy", lambda: program.get("/api/v1/admin/backups")["target"]["sent"])
            state = program.get("/api/v1/admin/backups")
            newest = state["backups"][0]["name"]
            assert state["target"]["sent"] == newest and state["target"]["problem"] == "", state
            assert sorted(p.name for p in nas.iterdir()) == sorted([newest, "gongshu-backup-target"])
            subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=nas / newest, check=True, timeout=60)
            assert command(None, "restore", str(nas / newest), "--check").returncode == 0
    with Program(args=["--backup-target", made, "--backup-target-mount"]) as program:
        password = program.folder / "password"
        assert command(program, "backup", "--user", "admin", "--password-file", str(password)).returncode == 0
        wait_for("the refusal", lambda: "is not there" in program.get("/api/v1/admin/backups")["target"]["problem"])


def main():
    check_target()
    with Program() as program:
        simple_type(program)
        program.put("devices", "plant/m1", {"type": "sensor"})
        password = program.folder / "password"
        load = Load(program)
        load.start()
        while load.done < 2000 and not load.error:
            time.sleep(0.05)
        before = load.done
        wait_for("records in the ledger", lambda: program.get("/api/v1/ledger/entries?limit=1")["size"], 20)
        made = command(program, "backup", "--user", "admin", "--password-file", str(password))
        after = load.done
        assert made.returncode == 0, made
        for _ in range(5):
            time.sleep(1)  # a backup is named by its second
            one = command(program, "backup", "--user", "admin", "--password-file", str(password))
            assert one.returncode == 0, one
            drilled = command(program, "backup", "drill", "--user", "admin", "--password-file", str(password))
            assert drilled.returncode == 0, drilled
            shutil.rmtree(one.stdout.split(" is whole")[0])
        load.go_on = False
        load.join(60)
        assert not load.error, load.error
        folder = pathlib.Path(made.stdout.split(" is whole")[0])
        assert folder.parent == pathlib.Path(f"{program.data}.backups"), made.stdout
        want = rows(program, before)
        assert want[0] == before, want

        # GNU coreutils agree that it is as it was written; so does the program.
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True, timeout=60)
        assert command(None, "restore", str(folder), "--check").returncode == 0
        listed = program.get("/api/v1/admin/backups")
        assert [b["name"] for b in listed["backups"]] == [folder.name] and listed["backups"][0]["problem"] == "", listed
        program.post(f"/api/v1/admin/backups/{folder.name}:check")

        check_drill(program, folder, password)

        # A folder that is in use is not overwritten.
        taken = command(None, "restore", str(folder), "--data", str(program.data))
        assert taken.returncode != 0 and "not empty" in taken.stderr, taken
        elsewhere = program.folder / "elsewhere"
        restored = command(None, "restore", str(folder), "--data", str(elsewhere))
        assert restored.returncode == 0, restored
        keys = program.folder / "keys"
        assert program.stop() == 0

        checked = subprocess.run([str(PROGRAM), "verify", "--data", str(elsewhere), "--key-folder", str(keys)], capture_output=True, text=True, timeout=300)
        assert checked.returncode == 0 and "0 problems" in checked.stdout, checked
        with Program(data=elsewhere, args=["--key-folder", str(keys)]) as other:
            assert rows(other, before) == want
            count = rows(other, after + 10_000)[0]
            assert before <= count <= load.done, (before, count, load.done)
            assert other.get("/api/v1/devices/plant%2Fm1")["spec"]["type"] == "sensor"
            assert other.get("/api/v1/session", password=PASSWORD)["user"] == "admin"
    print(f"{before} rows were acknowledged before the backup and {count} are in it; hashes are equal")


if __name__ == "__main__":
    main()
