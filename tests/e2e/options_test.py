#!/usr/bin/env python3
"""The configuration file: what it sets counts, the command line wins, and each mistake is named with its place."""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM, Program  # noqa: E402


def refused(text, want):
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "gongshu.yaml"
        config.write_text(text)
        run = subprocess.run([str(PROGRAM), "serve", "--data", folder + "/data", "--config", str(config)], capture_output=True, text=True, timeout=60)
        assert run.returncode == 2 and want in run.stderr, (text, run.returncode, run.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "gongshu.yaml"
        config.write_text("allow-host: plant.lan\nallow_target: ['127.0.0.1', '127.0.0.2']\nlanes: 1\nhttp: 127.0.0.1:1\nbackup_at: 02:30 Asia/Shanghai\n")
        with Program(args=["--config", str(config)]) as program:  # the harness's --http wins over the file's
            assert program.call("GET", "/healthz", user=None, headers={"Host": "plant.lan"}.items())["status"] == "ok"
            backups = program.get("/api/v1/admin/backups")
            assert (backups["at"], backups["every_s"]) == ("02:30 Asia/Shanghai", 86_400), backups
    refused("lanes: [1]\n", "lanes takes one value, not a list")
    refused("lanes: {a: 1}\n", "lanes: expected one value")
    refused("allow-target: [[1]]\n", "allow-target: expected one value")
    refused("retention-dais: 1\n", "did you mean --retention-days?")
    refused("lanes: many\n", "expected a whole number, found 'many'")
    refused("backup_at: 2:30\n", "expected a time of the day such as 02:30")
    refused("backup_at: 02:30\nbackup_every: 36h\n", "needs --backup-every in whole days")
    refused("- data\n", "expected names with values")
    refused("a: [1\n", "line 2")
    print("the configuration file counts, and its mistakes are named")


if __name__ == "__main__":
    main()
