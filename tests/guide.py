#!/usr/bin/env python3
"""The guide is true: every block of it that begins with ```sh test runs, in order, in one shell, against the real program
and a simulated machine, and prints what the ```text block behind it says (`…` there stands for anything): each guide by itself,
and all of a language one after the other in one data folder. Blocks marked
```sh test stopped run after the server was stopped. Also: docs/guide/options.md is what the program prints."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "e2e"))
from harness import PASSWORD, PROGRAM, SOURCE, Program, wait_for  # noqa: E402

# English and Chinese, and how many blocks there are at least.
GUIDES = (("docs/guide/README.md", "docs/guide/README.zh-CN.md", 10), ("docs/guide/import.md", "docs/guide/import.zh-CN.md", 4),
          ("docs/guide/dashboards.md", "docs/guide/dashboards.zh-CN.md", 1), ("docs/guide/mqtt.md", "docs/guide/mqtt.zh-CN.md", 6), ("docs/guide/sparkplug.md", "docs/guide/sparkplug.zh-CN.md", 2),
          ("docs/guide/exchange.md", "docs/guide/exchange.zh-CN.md", 5), ("docs/guide/cases.md", "docs/guide/cases.zh-CN.md", 6), ("docs/guide/photos.md", "docs/guide/photos.zh-CN.md", 5),
          ("docs/guide/messages.md", "docs/guide/messages.zh-CN.md", 3),
          ("docs/guide/packages.md", "docs/guide/packages.zh-CN.md", 6),
          ("docs/guide/virtual_tags.md", "docs/guide/virtual_tags.zh-CN.md", 5),
          ("docs/guide/calendar.md", "docs/guide/calendar.zh-CN.md", 4),
          ("docs/guide/intervals.md", "docs/guide/intervals.zh-CN.md", 4),
          ("docs/guide/sql.md", "docs/guide/sql.zh-CN.md", 4),
          ("docs/guide/serial.md", "docs/guide/serial.zh-CN.md", 4), ("docs/guide/modbus.md", "docs/guide/modbus.zh-CN.md", 4),
          ("docs/guide/modbus-server.md", "docs/guide/modbus-server.zh-CN.md", 7),
          ("docs/guide/s7.md", "docs/guide/s7.zh-CN.md", 2), ("docs/guide/melsec.md", "docs/guide/melsec.zh-CN.md", 1),
          ("docs/guide/meters.md", "docs/guide/meters.zh-CN.md", 1), ("docs/guide/fins.md", "docs/guide/fins.zh-CN.md", 1), ("docs/guide/aibus.md", "docs/guide/aibus.zh-CN.md", 1), ("docs/guide/frames.md", "docs/guide/frames.zh-CN.md", 2),
          ("docs/guide/cnc.md", "docs/guide/cnc.zh-CN.md", 2), ("docs/guide/iec104.md", "docs/guide/iec104.zh-CN.md", 2),
          ("docs/guide/http.md", "docs/guide/http.zh-CN.md", 4),
          ("docs/guide/opcua.md", "docs/guide/opcua.zh-CN.md", 2),
          ("docs/guide/edge.md", "docs/guide/edge.zh-CN.md", 6),
          ("docs/guide/machines.md", "docs/guide/machines.zh-CN.md", 6),
          ("docs/guide/postgres.md", "docs/guide/postgres.zh-CN.md", 6),
          ("docs/guide/operation.md", "docs/guide/operation.zh-CN.md", 6))
BLOCK = re.compile(r"^```sh test(?P<stopped> stopped)?\n(?P<code>.*?)^```\n(?:```text\n(?P<output>.*?)^```\n)?", re.M | re.S)
MARK = "@@ block {} ended @@"


class Block:
    def __init__(self, text, found):
        self.line = text.count("\n", 0, found.start()) + 1
        self.stopped = bool(found["stopped"])
        self.code, self.output = found["code"], found["output"]


def blocks_of(text):
    return [Block(text, found) for found in BLOCK.finditer(text)]


def agrees(expected, printed):
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.S) is not None


def run_blocks(name, blocks, folder, env):
    script = "set -euo pipefail\n" + "".join(f"{b.code}\nprintf '\\n{MARK.format(b.line)}\\n'\n" for b in blocks)
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    rest = done.stdout
    for block in blocks:
        mark = f"\n{MARK.format(block.line)}\n"
        if mark not in rest:
            raise AssertionError(f"{name}:{block.line}: the block ended with {done.returncode}\n{rest}\n{done.stderr}")
        printed, rest = rest.split(mark, 1)
        if block.output is not None and not agrees(block.output, printed):
            raise AssertionError(f"{name}:{block.line}: expected\n{block.output}\nprinted\n{printed}")
        if block.output is None and printed.strip():
            raise AssertionError(f"{name}:{block.line}: printed, though the guide shows nothing:\n{printed}")


class Plant:
    """The simulated plant on ports of its own."""

    def __init__(self, folder):
        ready = folder / "plant.json"
        self.process = subprocess.Popen([str(PROGRAM), "plant", "--modbus", "127.0.0.1:0", "--control", "127.0.0.1:0", "--faults", "none",
                                         "--ready-json", str(ready)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for("the simulated plant", lambda: ready.exists() and ready.read_text().rstrip().endswith("}"))
        except AssertionError:
            self.__exit__()
            raise
        self.port = json.loads(ready.read_text())["modbus"]["cnc1"].rsplit(":", 1)[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def check_guides(names):
    """Runs the blocks of these guides in order, in one data folder; returns how many there are."""
    blocks = {name: blocks_of((SOURCE / name).read_text(encoding="utf-8")) for name in names}
    with tempfile.TemporaryDirectory(prefix="gongshu-guide-") as made:
        folder = pathlib.Path(made)
        (folder / "bin").mkdir()
        (folder / "bin/gongshu").symlink_to(PROGRAM.resolve())
        data = folder / "data"
        # The key folder comes twice: the last one counts, and the guide's is the default one.
        with Plant(folder) as plant, Program(data=data, args=("--allow-target", "127.0.0.1", "--pg", "127.0.0.1:0", "--dtu", "127.0.0.1:0", "--key-folder", f"{data}.keys")) as program:
            env = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "GONGSHU_URL": program.url, "PASSWORD": PASSWORD,
                   "MQTT_PORT": str(program.mqtt_port), "MODBUS_PORT": plant.port, "DATA": str(data), "BACKUP": str(folder / "backup"),
                   "PG_PORT": program.ready["pg"].rsplit(":", 1)[1], "DTU_PORT": program.ready["dtu"][0].rsplit(":", 1)[1], "NODE_PATH": str(SOURCE / "tests/clients/node_modules")}
            env.pop("GONGSHU_TOKEN", None)
            for name in names:
                run_blocks(name, [b for b in blocks[name] if not b.stopped], folder, env)
            assert program.stop() == 0
            for name in names:
                run_blocks(name, [b for b in blocks[name] if b.stopped], folder, env)
    return sum(map(len, blocks.values()))


def check_options():
    printed = subprocess.run([str(PROGRAM), "help", "options"], check=True, stdout=subprocess.PIPE, text=True).stdout
    kept = (SOURCE / "docs/guide/options.md").read_text(encoding="utf-8")
    assert printed == kept, "docs/guide/options.md is old: gongshu help options > docs/guide/options.md"


def check_same_number():
    """Both languages have the same blocks."""
    for *names, _ in GUIDES:
        english, chinese = (blocks_of((SOURCE / name).read_text(encoding="utf-8")) for name in names)
        assert len(english) == len(chinese), f"{names[0]}: {len(english)} blocks in English, {len(chinese)} in Chinese"


def self_test():
    text = "a\n```sh test\necho 1\n```\n```text\n…\n```\n```sh\nno\n```\n```sh test stopped\necho 2\n```\n"
    found = blocks_of(text)
    assert [(b.line, b.stopped, b.code, b.output) for b in found] == [(2, False, "echo 1\n", "…\n"), (11, True, "echo 2\n", None)]
    assert agrees('{"a":…}\n', '{"a":12}') and not agrees('{"a":…}', '{"b":12}') and not agrees("a", "a b")
    with tempfile.TemporaryDirectory() as folder:
        run_blocks("x", found[:1], folder, dict(os.environ))
        for wrong in ("```sh test\necho 1\n```\n```text\n2\n```\n", "```sh test\nfalse\n```\n", "```sh test\necho 1\n```\n"):
            try:
                run_blocks("x", blocks_of(wrong), folder, dict(os.environ))
            except AssertionError:
                continue
            raise SystemExit(f"not noticed: {wrong}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        print("guide: the checker finds planted lies")
    else:
        check_options()
        check_same_number()
        for *guides, least in GUIDES:
            for guide in guides:
                count = check_guides([guide])
                assert count >= least, f"{guide}: only {count} blocks found"
                print(f"{guide}: {count} blocks are true", flush=True)
        for language in range(2):
            guides = [one[language] for one in GUIDES]
            print(f"{guides[0]} and all after it in one data folder: {check_guides(guides)} blocks are true", flush=True)
