#!/usr/bin/env python3
"""The ledger of the audit in the real program: killed in the midst of changes, each record is in it once; its proofs hold for the
script that outsiders use; a restored backup goes on with it; who edits a file or the table is found by `gongshu verify`."""
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, SOURCE, Program, Refused, wait_for  # noqa: E402


def proved(folder, name, document, *more):
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    done = subprocess.run([sys.executable, str(SOURCE / "tools/verify_proof.py"), str(path), *map(str, more)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.strip()


def verify(data, keys):
    done = subprocess.run([str(PROGRAM), "verify", "--data", str(data), "--key-folder", str(keys)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


def entries(program):
    found, size = [], program.get("/api/v1/ledger/entries?limit=1")["size"]
    while len(found) < size:
        found += program.get(f"/api/v1/ledger/entries?from={len(found)}&limit=1000")["entries"]
    return found


def redactions_and_anchors():
    """With SM3: what is deleted on request is gone and all proofs hold; two tenants hold each other's history."""
    with Program(args=["--ledger-hash", "sm3"]) as program:
        keys = program.folder / "keys"
        program.put("connections", "of-wang-xiaoming", {"protocol": "mqtt_device"})
        program.put("tenants", "second", {"title": "Second"})

        def record():
            found = [r for r in program.get("/api/v1/audit?from=now-1d&to=now&limit=1000")["records"] if r["name"] == "of-wang-xiaoming"]
            return found[0] if found and found[0]["entry"] is not None else None
        entry = wait_for("the record in the ledger", record, 20)["entry"]
        assert program.get("/api/v1/ledger")["hash"] == "sm3"
        before = program.get("/api/v1/ledger")
        head_file = program.folder / "sm3-head.json"
        head_file.write_text(json.dumps(before), encoding="utf-8")
        for body, status in (({}, 400), ({"reason": ""}, 400)):
            try:
                program.post(f"/api/v1/ledger/entries/{entry}:redact", body)
                raise AssertionError("it was redacted without a reason")
            except Refused as refused:
                assert refused.status == status, refused
        by = program.post(f"/api/v1/ledger/entries/{entry}:redact", {"reason": "he asked for it"})["entry"]
        status, said = proved(program.folder, "gone.json", program.get(f"/api/v1/ledger/entries/{entry}/proof"), "--key", before["head"]["public_key"])
        assert status == 0 and f"its text was deleted, as entry {by} says" in said, said
        status, said = proved(program.folder, "grown.json", program.get(f"/api/v1/ledger/consistency?from={before['head']['size']}"), "--head", head_file)
        assert status == 0, said
        assert "wang" not in json.dumps(program.get("/api/v1/audit?from=now-1d&to=now&limit=1000")), "the audit still tells it"

        assert program.post("/api/v1/ledger:anchor")["ledgers"] == 2
        anchors = [e for e in entries(program) if e["kind"] == "ledger.anchor"]
        assert len(anchors) == 1, anchors
        status, said = proved(program.folder, "anchor.json", program.get(f"/api/v1/ledger/entries/{anchors[0]['number']}/proof"))
        assert status == 0 and "are among the 2 ledgers of round" in said and json.loads(anchors[0]["body"])["root"] in said, said
        forged = program.get(f"/api/v1/ledger/entries/{anchors[0]['number']}/proof")
        forged["entry"]["body"] = forged["entry"]["body"].replace('"index":0', '"index":1')
        status, said = proved(program.folder, "forged-anchor.json", forged)
        assert status == 1 and "NOT proved" in said, said
        assert program.stop() == 0
        for path in (program.data / "ledger").rglob("*"):
            assert not path.is_file() or b"wang" not in path.read_bytes(), path
        status, said = verify(program.data, keys)
        assert status == 0 and "2 ledgers" in said, said


def main():
    redactions_and_anchors()
    with Program() as program:
        kept = program.get("/api/v1/ledger")
        head_file = program.folder / "head.json"
        head_file.write_text(json.dumps(kept), encoding="utf-8")
        for n in range(30):
            program.put("sites", f"site{n}", {"title_en": f"Site {n}", "time_zone": "UTC"})
            if n % 10 == 9:  # at an arbitrary moment of the feed
                program.kill()
                program.start()
        records = program.get("/api/v1/audit?from=now-1d&to=now&limit=1000")["records"]
        wait_for("the last record in the ledger", lambda: all(r["entry"] is not None for r in program.get("/api/v1/audit?from=now-1d&to=now&limit=1000")["records"]), 20)
        records = program.get("/api/v1/audit?from=now-1d&to=now&limit=1000")["records"]
        by_number = {e["number"]: json.loads(e["body"]) for e in entries(program)}
        ids = [body["id"] for body in by_number.values()]
        assert len(ids) == len(set(ids)), "a record is in the ledger twice"
        made = [r for r in records if r["action"] == "created" and r["kind"] == "site"]
        assert len(made) == 30, len(made)
        for record in records:
            body = by_number[record["entry"]]
            assert (body["id"], body["who"], body["action"], body["name"]) == (record["id"], record["who"], record["action"], record["name"]), (record, body)

        # What an auditor does at home.
        key = kept["head"]["public_key"]
        status, said = proved(program.folder, "proof.json", program.get(f"/api/v1/ledger/entries/{made[0]['entry']}/proof"), "--key", key)
        assert status == 0 and "is in the ledger" in said, said
        address = f"{program.url}/api/v1/ledger/entries/{made[0]['entry']}/proof?as=html"
        page = subprocess.run(["curl", "-sf", "-u", f"admin:{PASSWORD}", address], capture_output=True, text=True, timeout=60).stdout
        status, said = proved(program.folder, "proof.html", page, "--key", key)
        assert status == 0 and "is in the ledger" in said and "<svg" in page, (said, page[:500])
        status, said = proved(program.folder, "forged.html", page.replace('\\"created\\"', '\\"deleted\\"'), "--key", key)
        assert status == 1 and "NOT proved" in said, said
        status, said = proved(program.folder, "grown.json", program.get(f"/api/v1/ledger/consistency?from={kept['head']['size']}"), "--key", key, "--head", head_file)
        assert status == 0 and "are unchanged" in said, said
        forged = program.get(f"/api/v1/ledger/entries/{made[0]['entry']}/proof")
        forged["entry"]["body"] = forged["entry"]["body"].replace("created", "deleted")
        status, said = proved(program.folder, "forged.json", forged)
        assert status == 1 and "NOT proved" in said, said

        # A backup has it, and goes on with it elsewhere.
        backup = subprocess.run([str(PROGRAM), "backup", "--user", "admin", "--password-file", str(program.folder / "password")],
                                capture_output=True, text=True, timeout=120, env={"GONGSHU_URL": program.url})
        assert backup.returncode == 0, backup
        head = program.get("/api/v1/ledger")
        elsewhere, keys = program.folder / "elsewhere", program.folder / "keys"
        folder = backup.stdout.split(" is whole")[0]
        assert subprocess.run([str(PROGRAM), "restore", folder, "--data", str(elsewhere)], capture_output=True, timeout=120).returncode == 0
        assert program.stop() == 0
        status, said = verify(program.data, keys)
        assert status == 0 and "ledger    ok" in said, said
        status, said = verify(elsewhere, keys)
        assert status == 0, said
        with Program(data=elsewhere, args=["--key-folder", str(keys)]) as other:
            other.put("sites", "later", {"title_en": "Later", "time_zone": "UTC"})
            status, said = proved(program.folder, "later.json", other.get(f"/api/v1/ledger/consistency?from={kept['head']['size']}"), "--key", key, "--head", head_file)
            assert status == 0, said
            assert other.get("/api/v1/ledger")["ledger"] == head["ledger"]

        # Whoever has the disk.
        tampered = program.folder / "tampered"
        shutil.copytree(program.data, tampered)
        with sqlite3.connect(tampered / "registry/registry.db") as table:
            changed = table.execute("update audit set who = 'user:somebody-else' where kind = 'site' and name = 'site7'").rowcount
        table.close()
        assert changed == 1, changed
        status, said = verify(tampered, keys)
        assert status == 1 and "is not what entry" in said, said
        for path in sorted((program.data / "ledger").rglob("*")):
            if not path.is_file():
                continue
            bytes_ = bytearray(path.read_bytes())
            was = bytes(bytes_)
            bytes_[len(bytes_) // 2] ^= 1
            path.write_bytes(bytes_)
            status, said = verify(program.data, keys)
            assert status == 1 and "DAMAGED" in said, (path, said)
            path.write_bytes(was)
        assert verify(program.data, keys)[0] == 0
    print(f"{len(ids)} records in the ledger, each once; proofs, a backup and edits by hand: as they should be")


if __name__ == "__main__":
    main()
