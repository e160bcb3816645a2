#!/usr/bin/env python3
"""The program as a host of Sparkplug B, beside an edge node made with npm's sparkplug-client: births become tags, data readings, a death and a lost power gaps, a
rebirth is asked for when something is missing, and what cannot be used is told.

    sparkplug_test.py
"""
import json
import pathlib
import queue
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import SOURCE, Program, wait_for  # noqa: E402


class EdgeNode:
    def __init__(self, program, username, password, node):
        command = ["node", str(SOURCE / "tests/clients/sparkplug_client.cjs"), f"tcp://{program.mqtt_host}:{program.mqtt_port}", username, password, "plant", node]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines, self.heard = queue.Queue(), []
        threading.Thread(target=lambda: [self.lines.put(line.rstrip("\n")) for line in self.process.stdout], daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def expect(self, beginning):
        while True:
            line = self.lines.get(timeout=60)
            self.heard.append(line)
            if line.startswith(beginning):
                return line

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def main():
    with Program() as program:
        program.put("device_types", "any", {"title_en": "any", "title_zh": "any", "properties": []})
        program.put("devices", "hall/gateway", {"type": "any", "external_id": "plant/gw"})
        program.put("devices", "hall/lathe", {"type": "any", "external_id": "plant/gw/lathe"})
        credential = program.credential("hall/gateway")
        seen = lambda: (program.get("/api/v1/status/sparkplug")["items"] or [None])[0]
        last = lambda tag, want: wait_for(f"{tag} is {want}", lambda: program.last(tag) == want)

        with EdgeNode(program, credential["username"], credential["password"], "gw") as node:
            node.expect("born")
            last("hall/gateway.Properties.Firmware", ["1.2 ü", "good"])
            last("hall/gateway.load", [21.2, "good"])
            last("hall/lathe.Spindle.Speed", [-1200, "good"])
            last("hall/lathe.Running", [True, "good"])
            last("hall/lathe.Total", [5000000000, "good"])
            assert program.get("/api/v1/tags?glob=hall/lathe.Spindle.Speed")["tags"][0]["unit"] == "rpm"
            listed = seen()
            assert (listed["group"], listed["node"], listed["path"], listed["state"]) == ("plant", "gw", "hall/gateway", "online"), listed
            assert listed["skipped"] == [{"metric": "table", "why": "a tag keeps single values, no DataSet"}], listed
            assert [(one["device"], one["path"], one["state"]) for one in listed["devices"]] == [("lathe", "hall/lathe", "online")], listed

            node.say("data 900")
            last("hall/lathe.Spindle.Speed", [900, "good"])
            # Not understood, so that its sequence has a gap: a rebirth is asked for with the next message.
            node.say("compressed 901")
            node.say("data 902")
            node.expect("ncmd Node Control/Rebirth true")
            node.expect("born")
            wait_for("it is born again", lambda: seen()["births"] == 2)
            letters = program.get("/api/v1/dead_letters")["items"]
            assert any("compressed" in letter["reason"] for letter in letters), letters
            last("hall/lathe.Spindle.Speed", [-1200, "good"])
            node.say("death lathe")
            wait_for("the gap of the lathe", lambda: program.last("hall/lathe.Spindle.Speed")[1] == "bad:disconnected")
            assert program.last("hall/gateway.load") == [21.2, "good"]
            state = next((line for line in node.heard if line.startswith("state ")), None) or node.expect("state ")
            _, topic, text = state.split(" ", 2)
            assert topic == "spBv1.0/STATE/gongshu" and json.loads(text)["online"] is True, state
        # Killed: its will says so.
        wait_for("the gap of the gateway", lambda: program.last("hall/gateway.load")[1] == "bad:disconnected")
        assert seen()["state"] == "offline", seen()

        with EdgeNode(program, credential["username"], credential["password"], "gw") as node:
            node.expect("born")
            last("hall/gateway.load", [21.2, "good"])
            node.say("stop")
            wait_for("the gap after its end", lambda: program.last("hall/gateway.load")[1] == "bad:disconnected")
        # Another's edge node is not its own.
        with EdgeNode(program, credential["username"], credential["password"], "other") as node:
            node.expect("error")
            assert program.last("plant/other.load") is None
        with EdgeNode(program, credential["username"], credential["password"], "gw") as node:
            node.expect("state ")
            assert program.stop() == 0
            _, topic, text = node.expect("state ").split(" ", 2)
            assert topic == "spBv1.0/STATE/gongshu" and json.loads(text)["online"] is False, text
    print("sparkplug: births, data, deaths, rebirth, state and its end beside sparkplug-client")


if __name__ == "__main__":
    main()
