#!/usr/bin/env python3
"""Packages over the real program: built, tampered, signed by somebody unknown, installed, upgraded over what people changed, taken
back, removed; killed between any two steps and in the midst of one; backed up, restored, and one changed byte is found."""
import pathlib
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM, SOURCE, Program, Refused  # noqa: E402

MANIFEST = """name: fan-monitor
version: {version}
type: rule_set
title_zh: 风机监测
licence: MIT
parameters: [{{name: limit, type: number, unit: mm/s, preset: 4}}]
"""
RESOURCES = """kind: device_type
name: fan
spec:
  title_zh: 风机
  properties:
    - {{name: vibration, type: number, unit: mm/s}}
---
kind: rule
name: fan-high
spec:
  device_type: fan
  title_en: {title}
  condition: vibration > ${{limit}} mm/s for 10s
"""
MORE = "---\nkind: rule\nname: fan-low\nspec: {device_type: fan, condition: 'vibration < 0.1 mm/s'}\n"
TESTS = """tests:
  - name: raises
    rule: fan-high
    given: [{at: 0s, vibration: 5}]
    want: [{at: 9s, is: false}, {at: 10s, is: true}]
"""


def gongshu(folder, *arguments, fails=False):
    done = subprocess.run([str(PROGRAM), "package", *[str(a) for a in arguments]], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def make(folder, version, title="High", more="", key="acme.key", tests=TESTS, fails=False):
    source = folder / f"source-{version}"
    for name in ("resources", "tests"):
        (source / name).mkdir(parents=True, exist_ok=True)
    (source / "manifest.yaml").write_text(MANIFEST.format(version=version))
    (source / "resources/fan.yaml").write_text(RESOURCES.format(title=title) + more)
    (source / "tests/fan.yaml").write_text(tests)
    out = folder / f"fan-{version}-{key.removesuffix('.key')}.gspkg"
    told = gongshu(folder, "build", source, "--key", key, "--out", out, fails=fails)
    return told if fails else out


def send(program, path, file=None):
    data = file.read_bytes() if file else b""
    return program.call("POST", path, data, headers=[("Content-Type", "application/octet-stream")])


def refused(call, *says):
    try:
        call()
    except Refused as error:
        for one in says:
            assert one in str(error).replace('\\"', '"'), f"{one!r} is not in {error}"
        return
    raise AssertionError("it was not refused")


def offline(folder):
    """What needs no server."""
    for name, algorithm in (("acme", "ed25519"), ("other", "sm2")):
        gongshu(folder, "keygen", "--name", name.upper(), "--algorithm", algorithm, "--out", name)
    told = make(folder, "0.9.0", tests=TESTS.replace("is: true", "is: false"), fails=True)
    assert "expected false, found true" in told, told
    one = make(folder, "1.0.0")
    assert one.read_bytes() == make(folder, "1.0.0").read_bytes(), "the same contents give the same bytes"
    gongshu(folder, "inspect", one, "--unpack", "unpacked")
    gongshu(folder, "build", "unpacked", "--out", "again.gspkg")
    assert (folder / "again.gspkg").read_bytes() == one.read_bytes()
    gongshu(folder, "verify", one, "--trust", "acme.trust.yaml")
    assert "NOT TRUSTED" in gongshu(folder, "verify", one, "--trust", "other.trust.yaml", fails=True)
    script = SOURCE / "tools/verify_package.py"
    whole = one.read_bytes()
    for at in range(7, len(whole), 211):
        changed = folder / "changed.gspkg"
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
        assert "entry" in gongshu(folder, "inspect", changed, fails=True)
        assert subprocess.run([sys.executable, str(script), str(changed)], capture_output=True, check=False).returncode == 1, at
    for file in (one, make(folder, "1.0.0", key="other.key")):
        assert subprocess.run([sys.executable, str(script), str(file)], capture_output=True, check=False).returncode == 0, file
    return one


def killed(program):
    program.kill()
    program.start()


def live(program, folder, one):
    refused(lambda: send(program, "/api/v1/packages:install", one), "403", "is not trusted here", "administrator")
    trust = (folder / "acme.trust.yaml").read_text()
    assert program.call("POST", "/api/v1/apply", trust)["applied"][0]["what"] == "created"
    refused(lambda: send(program, "/api/v1/packages:install", make(folder, "1.0.0", key="other.key")), "403", "OTHER")
    changed = folder / "changed.gspkg"
    changed.write_bytes(one.read_bytes().replace(b"vibration >", b"vibration <"))
    refused(lambda: send(program, "/api/v1/packages:install", changed), "400", "resources/fan.yaml")
    plan = send(program, "/api/v1/packages:plan?set=limit%3D3", one)
    assert [step["what"] for step in plan["steps"]] == ["create", "create"] and plan["tests"][0]["passed"], plan
    killed(program)
    assert program.get("/api/v1/packages")["items"] == []
    assert send(program, "/api/v1/packages:install?set=limit%3D3", one)["stored"]
    killed(program)
    assert program.get("/api/v1/rules/fan-high")["spec"]["condition"] == "vibration > 3 mm/s for 10s"
    assert send(program, "/api/v1/packages/fan-monitor:verify")["problem"] == ""
    # Somebody changes what the next version changes too, and something it does not.
    program.call("PATCH", "/api/v1/rules/fan-high", {"title_en": "Mine", "severity": "critical"})
    two = make(folder, "2.0.0", "Higher", MORE)
    refused(lambda: send(program, "/api/v1/packages/fan-monitor:upgrade", two), "409", "fan-high", "conflicts=keep")
    killed(program)
    assert program.get("/api/v1/packages/fan-monitor")["spec"]["version"] == "1.0.0"
    done = send(program, "/api/v1/packages/fan-monitor:upgrade?conflicts=take", two)
    assert (done["from"], done["to"]) == ("1.0.0", "2.0.0"), done
    killed(program)
    rule = program.get("/api/v1/rules/fan-high")["spec"]
    assert (rule["title_en"], rule["severity"], rule["condition"]) == ("Higher", "critical", "vibration > 3 mm/s for 10s"), rule
    assert program.get("/api/v1/rules/fan-low")
    assert send(program, "/api/v1/packages/fan-monitor:rollback")["to"] == "1.0.0"
    killed(program)
    assert program.get("/api/v1/rules/fan-high")["spec"]["title_en"] == "High"
    refused(lambda: program.get("/api/v1/rules/fan-low"), "404")
    program.put("rules", "mine", {"device_type": "fan", "condition": "vibration > 1 mm/s"})
    refused(lambda: send(program, "/api/v1/packages/fan-monitor:uninstall?conflicts=take"), "409", 'rule "mine"')
    refused(lambda: program.call("DELETE", "/api/v1/packages/fan-monitor"), "409", "uninstalled")
    program.call("DELETE", "/api/v1/rules/mine")
    actions = [record["action"] for record in program.get("/api/v1/audit?limit=200")["records"] if record["kind"] == "package"]
    assert {"install", "upgrade", "rollback", "refused", "created", "updated"} <= set(actions), actions
    return two


def killed_amid(program, two):
    """Upgrades and rollbacks while the program is killed at any moment: the old or the new, whole."""
    for round_ in range(6):
        def change():
            try:
                send(program, "/api/v1/packages/fan-monitor:upgrade?conflicts=keep", two)
                send(program, "/api/v1/packages/fan-monitor:rollback?conflicts=keep")
            except (Refused, OSError):
                pass
        worker = threading.Thread(target=change)
        worker.start()
        worker.join(0.004 * round_)
        killed(program)
        worker.join()
        version = program.get("/api/v1/packages/fan-monitor")["spec"]["version"]
        rules = {rule["name"] for rule in program.get("/api/v1/rules")["items"]}
        assert rules == ({"fan-high", "fan-low"} if version == "2.0.0" else {"fan-high"}), (version, rules)
        assert send(program, "/api/v1/packages/fan-monitor:verify")["problem"] == ""


def verified(program, damaged):
    told = subprocess.run([str(PROGRAM), "verify", "--data", str(program.data), "--key-folder", str(program.folder / "keys")],
                          capture_output=True, text=True, check=False)
    assert (told.returncode != 0) == damaged, told.stdout + told.stderr
    return told.stdout


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-packages-"))
    one = offline(folder)
    with Program() as program:
        two = live(program, folder, one)
        killed_amid(program, two)
        # The command line says the same.
        server = ("--server", program.url, "--user", "admin", "--password-file", program.folder / "password")
        assert "fan-monitor" in gongshu(folder, "list", *server)
        program.stop()
        assert "packages  ok" in verified(program, False)
        stored = sorted((program.data / "packages").glob("*.gspkg"))
        whole = stored[0].read_bytes()
        stored[0].write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
        assert "packages  DAMAGED" in verified(program, True)
        stored[0].write_bytes(whole)
        program.start()
        server = ("--server", program.url, "--user", "admin", "--password-file", program.folder / "password")
        gongshu(folder, "uninstall", "fan-monitor", "--conflicts", "take", *server)
        refused(lambda: program.get("/api/v1/device_types/fan"), "404")
        library = folder / "library"
        subprocess.run([sys.executable, str(SOURCE / "tools/packages.py"), str(PROGRAM), str(library)], check=True, capture_output=True)
        program.call("POST", "/api/v1/apply", (library / "build.trust.yaml").read_text())
        gongshu(folder, "install", *sorted(library.glob("*.gspkg")), *server)
        killed(program)
        installed = {item["name"] for item in program.get("/api/v1/packages")["items"]}
        assert installed == {path.name for path in (SOURCE / "library/packages").iterdir()}, installed
        for name in installed:
            found = send(program, f"/api/v1/packages/{name}:verify")
            assert all(step["what"] == "unchanged" for step in found["steps"]) and all(t["passed"] for t in found["tests"]), found
    print("packages: ok")


if __name__ == "__main__":
    main()
