#!/usr/bin/env python3
"""A backup taken under load, checked by sha256sum, restored elsewhere: everything acknowledged before it began is in it."""
import hashlib
import json
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, Program, simple_type  # noqa: E402

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
        except Exception as error:  # told by the main thread
            self.error = error


def rows(program, count):
    """What is kept of the first `count` rows, as one hash."""
    got = program.read("load/a.x", BEGIN, BEGIN + count * STEP, rows_max=1_000_000)
    return len(got), hashlib.sha256(json.dumps(got).encode()).hexdigest()


def main():
    with Program() as program:
        simple_type(program)
        program.put("devices", "plant/m1", {"type": "sensor"})
        password = program.folder / "password"
        load = Load(program)
        load.start()
        while load.done < 2000 and not load.error:
            time.sleep(0.05)
        before = load.done
        made = command(program, "backup", "--user", "admin", "--password-file", str(password))
        after = load.done
        assert made.returncode == 0, made
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
