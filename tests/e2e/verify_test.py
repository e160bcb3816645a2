#!/usr/bin/env python3
"""One flipped bit anywhere in a data folder is found by `gongshu verify`: readings, intervals, the registry, ledgers, files that people
sent, installed packages. A plant with a day of past, alarms, a case with a photo and a package, stopped and, in a second copy, killed;
then one bit of one file at a time is turned over: at each file's first, middle and last byte, and at places drawn from a seed.
  verify_test.py [--flips N] [--seed S]"""
import argparse
import collections
import contextlib
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from files_test import PHOTO, send  # noqa: E402
from harness import PASSWORD, PROGRAM, SOURCE, Program, wait_for  # noqa: E402


# Not data: the number of the process that has the folder open, and when the program stopped the last time.
NOT_DATA = {"history/lock", "registry/lock", "stopped"}


def fill(program):
    wait_for("an alarm", lambda: program.get("/api/v1/alarms?state=active")["alarms"], 120)
    library = program.folder / "library"
    subprocess.run([sys.executable, str(SOURCE / "tools/packages.py"), str(PROGRAM), str(library)], check=True, stdout=subprocess.DEVNULL)
    program.call("POST", "/api/v1/apply", next(library.glob("*.trust.yaml")).read_text())
    package = sorted(library.glob("*.gspkg"))[0].read_bytes()
    assert program.call("POST", "/api/v1/packages:install", package, headers=[("Content-Type", "application/octet-stream")])["stored"]
    device = program.get("/api/v1/devices")["items"][0]["name"]
    case = program.post("/api/v1/cases", {"kind": "downtime_reason", "fields": {"asset": device, "from": "2026-03-01T08:00:00Z"}})["id"]
    photo = send(program, f"case:{case}", "IMG_1.jpg", PHOTO, "image/jpeg", user="admin", password=PASSWORD)
    program.post(f"/api/v1/cases/{case}:answer", {"fields": {"category": "material", "photos": [photo["id"]]}})


def verify(data, keys):
    done = subprocess.run([str(PROGRAM), "verify", "--data", str(data), "--key-folder", str(keys)], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), f"verify ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.returncode == 0, done.stdout + done.stderr


def contents(path):
    """What a database says, row by row, and whether it is whole; None if it can no longer be read."""
    with tempfile.TemporaryDirectory() as elsewhere:
        for one in path.parent.glob(path.name + "*"):
            shutil.copy(one, elsewhere)
        try:
            with contextlib.closing(sqlite3.connect(pathlib.Path(elsewhere) / path.name)) as database:
                # Indexes are in no dump.
                return "\n".join([*database.iterdump(), *map(str, database.execute("pragma integrity_check"))])
        except (sqlite3.Error, UnicodeDecodeError):
            return None


def holds_nothing(path, before):
    """Room in the pages of a database that no row takes, or a page of which a newer one stands in its log."""
    return path.suffix == ".db" and before is not None and contents(path) == before


def places(data, flips, rng):
    """(file, byte, bit): the ends of every file, then any byte of any file, each folder as often as the others."""
    files = sorted(path for path in data.rglob("*") if path.is_file() and path.stat().st_size and str(path.relative_to(data)) not in NOT_DATA)
    for path in files:
        size = path.stat().st_size
        for at in sorted({0, size // 2, size - 1}):
            yield path, at, rng.randrange(8)
    kinds = collections.defaultdict(list)
    for path in files:
        kinds[path.relative_to(data).parts[0], path.suffix].append(path)
    for _ in range(flips):
        path = rng.choice(kinds[rng.choice(sorted(kinds))])
        yield path, rng.randrange(path.stat().st_size), rng.randrange(8)


def flipped(data, keys, flips, rng, what):
    whole, said = verify(data, keys)
    assert whole, said
    tried, missed = collections.Counter(), []
    for path, at, bit in places(data, flips, rng):
        before = contents(path) if path.suffix == ".db" else None
        with open(path, "r+b") as file:
            file.seek(at)
            was = file.read(1)[0]
            file.seek(at)
            file.write(bytes([was ^ 1 << bit]))
        found = not verify(data, keys)[0] or holds_nothing(path, before)
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(bytes([was]))
        name = path.relative_to(data)
        tried[name.parts[0]] += 1
        if not found:
            missed.append(f"{name} ({path.stat().st_size} bytes): bit {bit} of byte {at}")
    assert verify(data, keys)[0]
    assert not missed, f"{what}: not found {len(missed)} of {sum(tried.values())}:\n" + "\n".join(missed)
    print(f"{what}: all of {sum(tried.values())} found: {dict(tried)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    rng = random.Random(wanted.seed)
    with Program("demo", args=["--demo-days", "1"]) as program:
        fill(program)
        program.kill()
        killed = program.folder / "killed"
        shutil.copytree(program.data, killed)
        program.start()
        assert program.stop() == 0
        flipped(program.data, program.folder / "keys", wanted.flips, rng, "stopped")
        flipped(killed, program.folder / "keys", wanted.flips, rng, "killed")


if __name__ == "__main__":
    main()
