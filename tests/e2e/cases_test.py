#!/usr/bin/env python3
"""Cases in the real program: two people let a change through, an operator says why a machine stood and the interval keeps it, and the
program is killed between any two steps. Afterwards every step that was answered is there once, in the ledger too."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, Program, Refused  # noqa: E402

OWN = "a password of one's own"


def hire(program, name, role):
    program.put("users", name, {"role": role})
    program.post(f"/api/v1/users/{name}:password", {"password": "given by the admin"})
    program.post("/api/v1/session/password", {"old": "given by the admin", "new": OWN}, user=name, password="given by the admin")


def refused(status, call):
    try:
        call()
    except Refused as error:
        assert error.status == status, error
        return str(error)
    raise AssertionError("it was not refused")


def act(program, who, case, action, **given):
    password = PASSWORD if who == "admin" else OWN
    return program.post(f"/api/v1/cases/{case}:{action}", given, user=who, password=password)


def killed(program):
    program.kill()
    program.start()


def change(program):
    program.put("approval_policies", "four_eyes", {"kinds": ["sites", "approval_policies"], "approver": "engineer"})
    told = refused(403, lambda: program.put("sites", "hall", {"time_zone": "Asia/Shanghai"}))
    assert "needs approval" in told, told
    refused(403, lambda: program.call("DELETE", "/api/v1/approval_policies/four_eyes"))
    yaml = "kind: site\nname: hall\nspec: {time_zone: UTC}\n"
    applied = program.call("POST", "/api/v1/apply", yaml)
    assert "needs approval" in json.dumps(applied), applied
    asked = program.post("/api/v1/cases", {"kind": "change_approval", "note": "new hall", "fields": {"kind": "sites", "name": "hall", "spec": {"time_zone": "Asia/Shanghai"}}})
    killed(program)
    case = asked["id"]
    assert program.get(f"/api/v1/cases/{case}")["steps"] == asked["steps"]
    refused(403, lambda: act(program, "admin", case, "approve"))
    assert program.get("/api/v1/cases?mine=1", user="li", password=OWN)["items"][0]["id"] == case
    done = act(program, "li", case, "approve", revision=asked["revision"])
    assert done["state"] == "approved" and done["fields"]["published"] == 1, done
    killed(program)
    assert program.get(f"/api/v1/cases/{case}")["state"] == "approved"
    assert program.get("/api/v1/sites/hall")["by"] == "user:admin"
    refused(409, lambda: act(program, "li", case, "refuse", note="too late"))


def downtime(program):
    made = program.post("/api/v1/intervals", {"asset": "works/press3", "kind": "downtime", "from": "2026-03-01T08:00:00Z", "to": "2026-03-01T08:25:00Z", "attributes": {"shift": "day"}})
    asked = program.post("/api/v1/cases", {"kind": "downtime_reason", "fields": {"interval": made["id"]}, "assigned": ["user:wang"]})
    assert (asked["place"], asked["fields"]["from"]) == ("works/press3", "2026-03-01T08:00:00Z"), asked
    killed(program)
    answered = act(program, "wang", asked["id"], "answer", fields={"category": "material", "reason": "没有卷料"})
    killed(program)
    kept = program.get(f"/api/v1/intervals/{made['id']}")
    assert kept["interval"]["attributes"] == {"shift": "day", "category": "material", "reason": "没有卷料", "case": asked["id"]}, kept
    assert [one["attributes"] for one in kept["revisions"]][-1] == {"shift": "day"}, "the old value stays"
    assert kept["interval"]["by"] == "user:wang"
    assert program.get(f"/api/v1/cases/{asked['id']}")["steps"] == answered["steps"]
    assert act(program, "li", asked["id"], "confirm")["state"] == "confirmed"
    # The operator is asked no more than may be answered.
    assert program.get("/api/v1/cases:counts", user="wang", password=OWN)["mine"] == 0


def main():
    with Program() as program:
        hire(program, "li", "engineer")
        hire(program, "wang", "operator")
        program.put("device_types", "press", {})
        program.put("devices", "works/press3", {"type": "press"})
        change(program)
        downtime(program)
        killed(program)
        size = program.get("/api/v1/ledger/entries?limit=1")["size"]
        bodies = [json.loads(one["body"]) for one in program.get(f"/api/v1/ledger/entries?from=0&limit={min(size, 1000)}")["entries"]]
        steps = [(one["name"], one["action"], one["who"]) for one in bodies if one["action"].startswith("case.")]
        assert steps == [("CA-1", "case.open", "user:admin"), ("CA-1", "case.approve", "user:li"), ("DR-1", "case.open", "user:admin"),
                         ("DR-1", "case.answer", "user:wang"), ("DR-1", "case.confirm", "user:li")], steps
    print(f"{len(steps)} steps by three people over 5 kills, each once in the ledger; the interval keeps the answer and what it was before")


if __name__ == "__main__":
    main()
