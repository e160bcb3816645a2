#!/usr/bin/env python3
"""The first start in headless Chromium, over the real program in a fresh folder: one-time link, five steps, a plant. Once with the sample
(Chinese, light, desktop) and once empty (English, dark, phone); then the program starts again and does not show the steps any more."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import SOURCE, Program, Refused  # noqa: E402

OWN = "a password of my own"
EMPTY = {"sites": 1, "devices": 0, "rules": 0, "dashboards": 0, "connections": 0}


def browse(program, variant, test, **environment):
    env = {**os.environ, "BASE_URL": program.url, "GONGSHU_PASSWORD": OWN, "DATA_FOLDER": str(program.data), "FIRST_START": "again", **environment}
    subprocess.run(["npm", "run", "--silent", "test:pages", "--", f"--project={variant}", "-g", test], cwd=SOURCE / "web", env=env, check=True)


def items(program, plural):
    return program.get(f"/api/v1/{plural}", password=OWN)["items"]


def check_sample(program):
    devices = items(program, "devices")
    assert len(devices) > 5 and not any(d["spec"]["enabled"] or d["spec"].get("connection") for d in devices), devices
    assert items(program, "connections") == []
    for plural in ("device_types", "devices", "rules", "dashboards", "calendars"):
        for one in items(program, plural):
            assert any(mark in one["spec"]["title_zh"] for mark in ("仿真", "示例")), one
            assert any(mark in one["spec"]["title_en"] for mark in ("simulated", "example")), one
    # What is switched off is not wrong.
    wrong = program.get("/api/v1/overview", password=OWN)["wrong"]
    assert not [one for one in wrong if one["what"] != "system"], wrong


def first_start(variant, sample):
    # No password beforehand: the program makes one, and the link.
    with Program("serve", args=["--admin-password-file", ""]) as program:
        first = program.ready["password"]
        assert program.get("/api/v1/session", password=first)["setup"] is True
        choice = {"WITH_SAMPLE": "1"} if sample else {}
        browse(program, variant, "one-time link", FIRST_START=f"{program.url}/#/welcome?one_time={program.ready['one_time']}", **choice)
        try:
            program.get("/api/v1/session", password=first)
            raise AssertionError("the first password still works")
        except Refused as error:
            assert error.status == 401, error
        site = program.get("/api/v1/sites/suzhou", password=OWN)
        assert site["spec"]["time_zone"] == "Asia/Shanghai" and site["by"] == "user:admin", site
        assert program.get("/api/v1/users/admin", password=OWN)["spec"]["title"] in ("李工", "Li")
        if sample:
            check_sample(program)
        else:
            assert {plural: len(items(program, plural)) for plural in EMPTY} == EMPTY
        assert program.stop() == 0
        program.start()
        assert "one_time" not in program.ready, program.ready
        told = program.get("/api/v1/setup", password=OWN)
        assert told["fresh"] is False and told["data"]["folder"] == str(program.data), told
        browse(program, variant, "not shown again")


def main():
    first_start("zh-light-desktop", True)
    first_start("en-dark-phone", False)


if __name__ == "__main__":
    main()
