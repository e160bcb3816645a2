#!/usr/bin/env python3
"""The MQTT doors with Debian's mosquitto_pub: a JetLinks device and one behind a gateway, any topic by a mapping, and dead letters that are
processed once a mapping for them is there."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, Program, Refused, simple_type, wait_for  # noqa: E402


def publish(program, user, password, topic, payload):
    subprocess.run(["mosquitto_pub", "-h", program.mqtt_host, "-p", str(program.mqtt_port), "-u", user, "-P", password, "-q", "1",
                    "-t", topic, "-m", payload if isinstance(payload, str) else json.dumps(payload)], check=True, timeout=30)


def jetlinks(program):
    program.put("devices", "works/line1/gw-01", {"type": "sensor", "external_id": "oven/1790"})
    program.put("devices", "works/line1/gw-01/probe", {"type": "sensor"})
    secret = program.credential("works/line1/gw-01")

    def send(topic, payload):
        publish(program, secret["username"], secret["password"], topic, payload)
    send("/oven/1790/properties/report", {"messageId": "1", "timestamp": 1700000000000, "properties": {"temperature": 181.5, "motor": {"speed": 1480}},
                                          "propertySourceTimes": {"temperature": 1700000001000}})
    wait_for("a JetLinks report", lambda: program.last("works/line1/gw-01.temperature") == [181.5, "good"], 10)
    assert program.last("works/line1/gw-01.motor.speed") == [1480, "good"]
    rows = program.read("works/line1/gw-01.temperature", "2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z")
    assert [row[0] for row in rows] == [1700000001000000000], rows
    assert program.get("/api/v1/last?tag=works/line1/gw-01.temperature")["series"][0]["unit"] == "degC"
    send("/oven/1790/event/overheat", {"timestamp": 1700000002000, "data": {"level": 3}})
    send("/oven/1790/child/probe/properties/report", {"properties": {"temperature": 20}})
    send("/oven/1790/child/probe/offline", "")
    wait_for("the probe behind it", lambda: program.last("works/line1/gw-01/probe.online") == [False, "good"], 10)
    assert program.last("works/line1/gw-01.event.overheat.level") == [3, "good"]
    assert program.last("works/line1/gw-01/probe.temperature") == [20, "good"]
    send("/oven/other/properties/report", {"properties": {"temperature": 1}})
    letters = wait_for("what is not its own", lambda: program.get("/api/v1/dead_letters")["items"], 10)
    assert "may not publish to /oven/other" in letters[0]["reason"], letters
    program.post("/api/v1/dead_letters:discard", {"ids": [letters[0]["id"]]})


def mapping(program):
    spec = {"topic": "factory/{line}/+/data", "time": "$.ts", "take": [
        {"value": "$.data[*].v", "tag": "works/{line}/{$.data[*].dev}.temp", "unit": "degC"}]}
    payload = {"ts": 1700000000, "data": [{"dev": "a", "v": 21.5}, {"dev": "b", "v": 7}]}

    def letters(**query):
        return program.get("/api/v1/dead_letters?" + "&".join(f"{k}={v}" for k, v in query.items()))["items"]

    # Nobody may take it yet: the device is refused, and its message kept whole.
    secret = program.credential("works/line1/gw-01")
    for _ in range(2):
        publish(program, secret["username"], secret["password"], "factory/line9/x/data", payload)
    wait_for("two dead letters", lambda: len(letters()) == 2, 10)
    group = program.get("/api/v1/dead_letters:groups")["groups"][0]
    assert group["count"] == 2 and group["whole"] == 2 and group["topic"] == "factory/line9/x/data", group
    whole = program.get(f"/api/v1/dead_letters/{group['newest']}")
    assert json.loads(whole["payload"]) == payload, whole
    before = program.post("/api/v1/dead_letters:process", {"group": group["group"]})
    assert before["processed"] == 0 and "make a mapping" in before["failures"][0]["reason"], before

    # What would come out, before it is saved: of that payload, of the last real messages, and of a proposal.
    tried = program.post("/api/v1/mappings:preview?precision=s", {"spec": spec, "topic": whole["topic"], "payload": whole["payload"]})
    assert tried["ok"] and [(r["tag"], r["ts"], r["value"], r["place"]) for r in tried["messages"][0]["rows"]] == [
        ("works/line9/a.temp", 1700000000, 21.5, "$.data[0].v"), ("works/line9/b.temp", 1700000000, 7, "$.data[1].v")], tried
    assert program.post("/api/v1/mappings:preview", {"spec": spec})["messages"][0]["topic"] == "factory/line9/x/data"
    wrong = program.post("/api/v1/mappings:preview", {"spec": {**spec, "take": [{"value": "$.data[*].v", "tag": "works/{lane}.temp"}]}})
    assert not wrong["ok"] and wrong["error"]["place"] == "take[0].tag" and "{lane}" in wrong["error"]["detail"], wrong
    proposed = program.post("/api/v1/mappings:propose", {"topic": whole["topic"], "payload": whole["payload"]})["spec"]
    assert program.post("/api/v1/mappings:preview", {"spec": proposed, "topic": whole["topic"], "payload": whole["payload"]})["messages"][0]["rows"]

    program.put("mappings", "lines", spec)
    after = program.post("/api/v1/dead_letters:process", {"group": group["group"]})
    assert after["processed"] == 2 and after["readings"] == 4 and after["failed"] == 0, after
    assert program.last("works/line9/a.temp") == [21.5, "good"] and program.last("works/line9/b.temp") == [7, "good"]
    assert letters() == [] and {one["state"] for one in letters(state="all")} == {"processed", "discarded"}
    rows = program.read("works/line9/a.temp", "2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z")
    assert [row[:2] for row in rows] == [[1700000000000000000, 21.5]], rows
    # Again changes nothing.
    assert program.post("/api/v1/dead_letters:process", {"ids": [whole["id"]]})["processed"] == 0

    # From now on at once; a device only by leave of the mapping, and only beneath itself.
    publish(program, "admin", PASSWORD, "factory/line9/x/data", {"ts": 1700000060, "data": [{"dev": "a", "v": 22}]})
    wait_for("a message by the mapping", lambda: program.last("works/line9/a.temp") == [22, "good"], 10)
    # A place without a device is a source, no device that could be offline.
    overview = program.get("/api/v1/overview")
    registered = {one["name"]: one["registered"] for one in program.get("/api/v1/status/devices")["items"]}
    assert registered["works/line9/a"] is False and registered["works/line1/gw-01"] is True, registered
    assert overview["devices"]["without_device"] == sum(not there for there in registered.values()), overview
    assert overview["devices"]["total"] == sum(registered.values()) and "works/line9/a" not in str(overview["wrong"]), overview
    program.put("mappings", "lines", {**spec, "devices": True, "take": [{"value": "$.*", "tag": "{device}.{key}"}]})
    publish(program, secret["username"], secret["password"], "factory/line9/x/data", {"humidity": 40})
    wait_for("a device's own", lambda: program.last("works/line1/gw-01.humidity") == [40, "good"], 10)
    program.put("mappings", "lines", {**spec, "devices": True})
    publish(program, secret["username"], secret["password"], "factory/line9/x/data", {"data": [{"dev": "a", "v": 99}]})
    wait_for("its refusal", lambda: letters() and "a device writes to itself and beneath alone" in letters()[0]["reason"], 10)
    assert program.last("works/line9/a.temp") == [22, "good"]
    try:
        program.put("mappings", "bad", {"topic": "a", "take": [{"value": "temp", "tag": "t"}]})
        raise AssertionError("a mapping that cannot be was stored")
    except Refused as refused:
        assert refused.status == 400 and "take[0].value" in refused.body, refused.body


def main():
    with Program() as program:
        simple_type(program)
        jetlinks(program)
        mapping(program)
    print("JetLinks, mappings and dead letters work with mosquitto_pub")


if __name__ == "__main__":
    main()
