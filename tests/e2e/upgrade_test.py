#!/usr/bin/env python3
"""A newer program over the data of an older one: told beforehand, a copy kept by itself, readings and resources there, and back
again; killed in between. The older data are made by taking the tables of the last steps away from new ones."""
import pathlib
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM, Program, simple_type  # noqa: E402

# What step 2 had; later ones only added tables.
OLD_TABLES = {"meta", "tenants", "resources", "revisions", "secrets", "audit", "auth_passwords", "auth_sessions", "auth_tokens", "auth_devices",
              "auth_one_time", "schema_step"}


def gongshu(*arguments):
    done = subprocess.run([str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def step_of(data):
    with sqlite3.connect(data / "registry/registry.db") as table:
        step = table.execute("select step from schema_step").fetchone()[0]
    table.close()
    return step


def make_old(data):
    with sqlite3.connect(data / "registry/registry.db") as table:
        for (name,) in table.execute("select name from sqlite_master where type = 'table'").fetchall():
            if name not in OLD_TABLES:
                table.execute(f'drop table "{name}"')
        table.execute("update schema_step set step = 2")
    table.close()


def side(data, name):
    return sorted(one.name for one in data.iterdir() if one.name.startswith(name))


def history():
    """A history without a number is one of before: kept, told, and back as it was."""
    with Program() as program:
        data, keys = program.data, program.folder / "keys"
        simple_type(program)
        program.put("devices", "a", {"type": "sensor"})
        program.post("/api/v1/write/json", [{"tag": "a.temperature", "ts": 1_790_000_000_000_000_000 + i, "value": i} for i in range(1000)])
        assert program.stop() == 0
        (data / "history/FORMAT").unlink()
        before = {str(one.relative_to(data / "history")): one.read_bytes() for one in (data / "history").rglob("*") if one.is_file() and one.name != "lock"}
        status, said = gongshu("upgrade", "--check", "--data", data)
        assert status == 0 and "history of formats 0" in said and "to come  history, formats 1:" in said and "second names" in said, said
        assert not side(data, "history."), "a check changed something"

        program.start()
        program.post("/api/v1/write/json", [{"tag": "a.temperature", "ts": 1_790_000_001_000_000_000, "value": 5000}])
        program.kill()
        (kept,) = side(data, "history.before-step-1.")
        status, said = gongshu("upgrade", "--check", "--data", data)
        assert status == 0 and f"kept     history, formats 0: {data}/{kept}" in said and "nothing is to be done" in said, said
        status, said = gongshu("verify", "--data", data, "--key-folder", keys)
        assert status == 0, said

        elsewhere = program.folder / "elsewhere"
        shutil.copytree(data, elsewhere)
        status, said = gongshu("downgrade", "--data", elsewhere)
        assert status == 0 and "the history is of formats 0 again" in said and "readings since are in" in said and "start the older version now" in said, said
        after = {str(one.relative_to(elsewhere / "history")): one.read_bytes() for one in (elsewhere / "history").rglob("*") if one.is_file() and one.name != "lock"}
        assert after == before, set(after) ^ set(before)
        (aside,) = side(elsewhere, "history.step-2.")
        assert not side(elsewhere, "history.before"), said
        status, said = gongshu("downgrade", "--data", elsewhere)
        assert status != 0 and "keeps no tables" in said, said
        status, said = gongshu("upgrade", "--check", "--data", elsewhere)
        assert status == 0 and f"aside    history, formats 2: {elsewhere}/{aside}" in said, said
        # What came since is beside it; a newer version reads that.
        with Program(data=elsewhere, args=["--key-folder", str(keys)]) as other:
            assert other.last("a.temperature")[0] == 999
        (elsewhere / "history").rename(elsewhere / "history.former")
        (elsewhere / aside).rename(elsewhere / "history")
        with Program(data=elsewhere, args=["--key-folder", str(keys)]) as other:
            assert other.last("a.temperature")[0] == 5000

        # Without the copy there is no way back, and nothing is touched.
        status, said = gongshu("upgrade", "--forget", "--data", data)
        assert status == 0 and "1 kept histories removed" in said and not side(data, "history.before"), said
        status, said = gongshu("downgrade", "--data", data)
        assert status != 0 and "keeps no history of formats 0" in said and "gongshu restore" in said, said
        program.start()
        assert program.last("a.temperature")[0] == 5000
        assert program.stop() == 0

        # Of a newer one.
        (data / "history/FORMAT").write_text("gongshu history formats 99 24f2d288\n")
        status, said = gongshu("serve", "--data", data, "--key-folder", keys)
        assert status != 0 and "a newer version wrote the history" in said, said


def cut_first_start():
    """A power cut between the making of registry.db and its first table; the keys are there."""
    with Program() as program:
        assert program.stop() == 0
        for one in (program.data / "registry").iterdir():
            one.unlink()
        (program.data / "registry/registry.db").touch()
        program.start()
        assert program.get("/api/v1/devices")["items"] == []
        assert program.stop() == 0


def damaged_beside():
    """What lies beside the history keeps no server from starting: a copy that cannot be read, a damaged note of upgrades."""
    with Program() as program:
        data = program.data
        assert program.stop() == 0
        (data / "history/FORMAT").unlink()
        program.start()
        assert program.stop() == 0
        (kept,) = side(data, "history.before-step-1.")
        (data / kept / "seg/README").write_text("mine")
        (data / "UPGRADES").write_text("damaged\n")
        make_old(data)
        program.start()
        assert program.stop() == 0
        assert len(side(data, "UPGRADES.damaged.")) == 1 and side(data, "UPGRADES")[0] == "UPGRADES", side(data, "UPGRADES")


def main():
    history()
    cut_first_start()
    damaged_beside()
    with Program() as program:
        data, keys = program.data, program.folder / "keys"
        simple_type(program)
        program.put("devices", "a", {"type": "sensor"})
        program.post("/api/v1/write/json", [{"tag": "a.temperature", "ts": 1_790_000_000_000_000_000, "value": 21.5}])
        assert program.stop() == 0
        newest = step_of(data)
        status, said = gongshu("upgrade", "--check", "--data", data)
        assert status == 0 and "nothing is to be done" in said, said

        make_old(data)
        before = (data / "registry/registry.db").read_bytes()
        status, said = gongshu("upgrade", "--check", "--data", data)
        assert status == 0 and f"tables of step {newest}" in said and "tables of step 2" in said and "step 3: cases" in said and "before-step-3.db" in said, said
        assert (data / "registry/registry.db").read_bytes() == before, "a check changed something"

        # The next start does it, and keeps what was there; killed, it is whole.
        program.start()
        assert program.get("/api/v1/devices/a")["name"] == "a"
        assert program.get("/api/v1/cases")["items"] == []
        assert program.last("a.temperature")[0] == 21.5
        program.put("sites", "since", {"title_en": "Since", "time_zone": "UTC"})
        status, said = gongshu("upgrade", "--check", "--data", data)
        assert status != 0 and "stop the program that uses" in said, said
        program.kill()
        assert step_of(data) == newest and (data / "registry/before-step-3.db").exists()

        # Back: what was configured since is aside, readings stay.
        elsewhere = program.folder / "elsewhere"
        shutil.copytree(data, elsewhere)
        status, said = gongshu("downgrade", "--data", elsewhere)
        assert status == 0 and "step 2 again" in said and f"registry.db.step-{newest} alone" in said and "readings stay" in said, said
        assert step_of(elsewhere) == 2
        status, said = gongshu("downgrade", "--data", elsewhere)
        assert status != 0 and "keeps no tables of before step 2" in said, said
        # The same step by the command, and all is well after it.
        status, said = gongshu("upgrade", "--data", elsewhere, "--key-folder", keys)
        assert status == 0 and "done" in said, said
        status, said = gongshu("verify", "--data", elsewhere, "--key-folder", keys)
        assert status == 0, said
        with Program(data=elsewhere, args=["--key-folder", str(keys)]) as other:
            assert other.get("/api/v1/devices/a")["name"] == "a"
            assert other.last("a.temperature")[0] == 21.5
            assert "since" not in str(other.get("/api/v1/sites"))

        # Data of a newer one are not touched.
        with sqlite3.connect(data / "registry/registry.db") as table:
            table.execute("update schema_step set step = 99")
        table.close()
        status, said = gongshu("serve", "--data", data, "--key-folder", keys)
        assert status != 0 and "was written by a newer version (step 99" in said and "gongshu downgrade" in said, said
    print(f"from step 2 to {newest} and back: as it should be")


if __name__ == "__main__":
    main()
