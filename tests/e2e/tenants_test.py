#!/usr/bin/env python3
"""Two tenants with the same device names, topics and tags see nothing of each other, by any door."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, Program, Refused, simple_type, wait_for  # noqa: E402

import paho.mqtt.client as paho  # noqa: E402

OTHER = "another-long-password"


def client(program, username, password, name):
    seen = []
    made = paho.Client(client_id=name, protocol=paho.MQTTv311)
    made.username_pw_set(username, password)
    connected = threading.Event()
    made.on_connect = lambda _c, _u, _f, code: connected.set() if code == 0 else None
    made.on_message = lambda _c, _u, message: seen.append((message.topic, message.payload))
    made.connect(program.mqtt_host, program.mqtt_port)
    made.loop_start()
    assert connected.wait(20), f"{name} could not connect"
    return made, seen


def main():
    with Program() as program:
        program.put("tenants", "second", {"title": "Second works 二厂"})
        program.put("users", "boss", {"title": "Boss", "role": "admin"})
        first = program.post("/api/v1/session", {"user": "admin", "password": PASSWORD}, user=None)
        assert first["tenant"] == "default", first
        # The first admin of a new tenant is made by the system's admin.
        made = program.call("PUT", "/api/v1/users/admin?tenant=second", {"spec": {"title": "Admin", "role": "admin"}})
        assert made["what"] == "created", made
        program.post("/api/v1/users/admin:password?tenant=second", {"password": "the-one-given-by-us"})
        program.post("/api/v1/session/password", {"old": "", "new": OTHER}, user="admin@second", password="the-one-given-by-us")
        second = {"user": "admin@second", "password": OTHER}

        credentials = []
        for who in ({}, second):
            simple_type(program, **who)
            program.put("devices", "site/line1/oven", {"type": "sensor"}, **who)
            credentials.append(program.post("/api/v1/devices/site%2Fline1%2Foven:credential", **who))
        listeners = [client(program, "admin", PASSWORD, "same-name"), client(program, "admin@second", OTHER, "same-name")]
        for listener, _ in listeners:
            listener.subscribe("#", qos=1)
        time_ns = time.time_ns()
        for number, credential in enumerate(credentials):
            sender, _ = client(program, credential["username"], credential["password"], "oven")
            sender.publish("gongshu/v1/site/line1/oven", f'{{"temperature": {number + 1}}}', qos=1).wait_for_publish(20)
            sender.loop_stop()
        for number, (_, seen) in enumerate(listeners):
            wait_for("the publish of one's own tenant", lambda: seen, 20)
        for number, who in enumerate(({}, second)):
            answer = program.get("/api/v1/last?tag=**", **who)["series"]
            assert [(s["tag"], s["rows"][0][1]) for s in answer] == [("site/line1/oven.temperature", number + 1)], answer
            rows = program.get(f"/api/v1/read?tag=site/line1/oven.temperature&from={time_ns - 10**10}&to=now%2B1m".replace("now%2B1m", str(time_ns + 10**11)), **who)
            assert [row[1] for row in rows["series"][0]["rows"]] == [number + 1], rows
            seen = listeners[number][1]
            assert [payload for _, payload in seen] == [f'{{"temperature": {number + 1}}}'.encode()], seen
            assert len(program.get("/api/v1/devices", **who)["items"]) == 1
        try:
            program.get("/api/v1/tenants", **second)
            raise AssertionError("an admin of the second tenant may list tenants")
        except Refused as error:
            assert error.status == 403, error
        names = [user["name"] for user in program.get("/api/v1/users", **second)["items"]]
        assert names == ["admin"], names
    print("two tenants, nothing shared")


if __name__ == "__main__":
    main()
