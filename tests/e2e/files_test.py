#!/usr/bin/env python3
"""Photos in the real program: an operator's answer cites one, whose hash is in the ledger; a virus scan refuses and holds; the program is
killed in the middle of uploads and keeps each that was answered; a backup has them, and every flipped byte is found."""
import hashlib
import json
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from cases_test import OWN, hire, killed, refused  # noqa: E402
from harness import PASSWORD, PROGRAM, SOURCE, Program  # noqa: E402

PHOTO = (SOURCE / "src/blob/corpus/picture/turned_position.jpg").read_bytes()
UPLOADS = 60


def send(program, owner, name, content, kind="application/octet-stream", user="wang", password=OWN):
    return program.call("POST", f"/api/v1/blobs?owner={owner}&name={name}", content, user=user, password=password, headers=[("Content-type", kind)])


def verify(data, keys):
    done = subprocess.run([str(PROGRAM), "verify", "--data", str(data), "--key-folder", str(keys)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def evidence(program):
    case = program.post("/api/v1/cases", {"kind": "downtime_reason", "fields": {"asset": "works/press3", "from": "2026-03-01T08:00:00Z"}})["id"]
    sent = send(program, f"case:{case}", "IMG_1.jpg", PHOTO, "image/jpeg")
    assert (sent["type"], sent["width"], sent["height"], sent["state"]) == ("image/jpeg", 40, 60, "ready"), sent
    refused(400, lambda: send(program, f"case:{case}", "x.jpg", b"<html><script>1</script>", "image/jpeg"))
    killed(program)
    assert program.get(f"/api/v1/blobs/{sent['id']}", user="wang", password=OWN, raw=True) == PHOTO
    small = program.get(f"/api/v1/blobs/{sent['id']}:thumbnail", raw=True)
    assert small.startswith(b"\xff\xd8\xff") and b"Exif" not in small
    program.post(f"/api/v1/cases/{case}:answer", {"fields": {"category": "material", "photos": [sent["id"]]}}, user="wang", password=OWN)
    killed(program)
    refused(409, lambda: program.call("DELETE", f"/api/v1/blobs/{sent['id']}"))
    bodies = [one["body"] for one in program.get("/api/v1/ledger/entries?from=0&limit=1000")["entries"]]
    sum_ = hashlib.sha256(PHOTO).hexdigest()
    assert any('"case.answer"' in body and sum_ in body for body in bodies), bodies
    return case


def scanned(program, case):
    told = refused(403, lambda: send(program, f"case:{case}", "virus.txt", b"this is EICAR"))
    assert "Eicar found" in told, told
    held = send(program, f"case:{case}", "strange.txt", b"STRANGE words")
    assert held["state"] == "held" and "ended with 7" in held["note"], held
    refused(409, lambda: program.get(f"/api/v1/blobs/{held['id']}", raw=True))
    refused(409, lambda: program.post(f"/api/v1/cases/{case}:answer", {"fields": {"category": "setup", "photos": [held["id"]]}}))


def killed_while_sending(program):
    """What was answered is there; the program is killed while others are on their way."""
    answered, failures = {}, []

    def load():
        try:
            for i in range(UPLOADS):
                content = b"%d " % i * 5_000
                answered[send(program, "site:hall", f"{i}.txt", content, user="admin", password=PASSWORD)["id"]] = content
        except Exception as error:  # the program is gone
            failures.append(error)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    while len(answered) < UPLOADS // 4 and thread.is_alive():
        thread.join(0.005)
    program.kill()
    thread.join(60)
    program.start()
    for id_, content in answered.items():
        assert program.get(f"/api/v1/blobs/{id_}", raw=True) == content, id_
    for one in program.get("/api/v1/blobs?owner=site:hall")["items"]:
        assert len(program.get(f"/api/v1/blobs/{one['id']}", raw=True)) == one["bytes"], one
    return len(answered)


def damaged(program, elsewhere, keys):
    status, said = verify(elsewhere, keys)
    assert status == 0 and "files     ok" in said, said
    files = sorted(path for path in (elsewhere / "blobs").rglob("*") if path.is_file())
    assert len(files) > UPLOADS // 4, files
    for path in files[:5] + files[-5:]:
        was = path.read_bytes()
        path.write_bytes(was[:len(was) // 2] + bytes([was[len(was) // 2] ^ 1]) + was[len(was) // 2 + 1:])
        status, said = verify(elsewhere, keys)
        assert status == 1 and "files     DAMAGED" in said and path.name in said, said
        path.write_bytes(was)
    assert verify(elsewhere, keys)[0] == 0
    with Program(data=elsewhere, args=["--key-folder", str(keys)]) as other:
        one = other.get("/api/v1/blobs?owner=site:hall")["items"][0]
        assert len(other.get(f"/api/v1/blobs/{one['id']}", raw=True)) == one["bytes"]


def main():
    scan = pathlib.Path(sys.argv[0]).resolve().parent / "files_scan.sh"
    with Program(args=["--scan-command", f"/bin/sh '{scan}' {{file}}"]) as program:
        hire(program, "wang", "operator")
        program.put("sites", "hall", {"time_zone": "Asia/Shanghai"})
        program.put("device_types", "press", {})
        program.put("devices", "works/press3", {"type": "press"})
        case = evidence(program)
        scanned(program, program.post("/api/v1/cases", {"kind": "downtime_reason", "fields": {"asset": "works/press3", "from": "2026-03-02T08:00:00Z"}})["id"])
        kept = killed_while_sending(program)
        backup = subprocess.run([str(PROGRAM), "backup", "--user", "admin", "--password-file", str(program.folder / "password")],
                                capture_output=True, text=True, timeout=120, env={"GONGSHU_URL": program.url})
        assert backup.returncode == 0, backup
        keys, elsewhere = program.folder / "keys", program.folder / "elsewhere"
        folder = backup.stdout.split(" is whole")[0]
        assert subprocess.run([str(PROGRAM), "restore", folder, "--data", str(elsewhere)], capture_output=True, timeout=120).returncode == 0
        assert program.get(f"/api/v1/cases/{case}")["state"] == "answered"
        assert program.stop() == 0
        assert verify(program.data, keys)[0] == 0
        damaged(program, elsewhere, keys)
    print(json.dumps({"uploads kept over kill -9": kept, "flipped bytes found": 10}))


if __name__ == "__main__":
    main()
