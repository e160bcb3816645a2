#!/usr/bin/env python3
"""Devices are deleted, made again, renamed and replaced: every door, rule and restart keeps apart which machine is meant."""
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, Refused, wait_for  # noqa: E402


def declare(program, value_type, unit):
    program.put("device_types", "furnace", {"properties": [{"name": "t", "type": value_type, "unit": unit}]})


def write(program, path, value):
    program.post("/api/v1/write/json", {"tag": path, "value": value})


def tags(program):
    return {tag["path"]: (tag["last"][1] if tag["last"] else None, tag["unit"]) for tag in program.get("/api/v1/tags?glob=k/**")["tags"]}


def device(name):
    return "/api/v1/devices/" + urllib.parse.quote(name, safe="")


def alarms(program):
    return sorted((a["rule"], a["device"], a["tag"]) for a in program.get("/api/v1/alarms?state=active")["alarms"])


def main():
    with Program() as program:
        declare(program, "number", "degC")
        write(program, "k/a.t", 10)  # by path, before there is a device
        program.put("devices", "k/a", {"type": "furnace"})
        program.put("rules", "hot", {"device_type": "furnace", "condition": "t > 80"})
        program.put("rules", "path", {"condition": "k/a.t > 80"})
        write(program, "k/a.t", 11)
        program.call("DELETE", device("k/a"))
        program.put("devices", "k/a", {"type": "furnace"})
        write(program, "k/a.t", 95)
        wait_for("alarms of the device that was made again",
                 lambda: alarms(program) == [("hot", "k/a", "k/a.t"), ("path", "", "k/a.t")])
        program.post(device("k/a") + ":rename", {"name": "k/b"})
        program.put("devices", "k/a", {"type": "furnace"})
        write(program, "k/a.t", 20)
        wait_for("the rule of the path watches the new device", lambda: alarms(program) == [("hot", "k/b", "k/b.t")])
        program.call("POST", "/api/v1/write", "k,host=b t=96\nk,host=a t=21")
        before = tags(program)
        assert before["k/a.t"] == (21, "degC") and before["k/b.t"] == (96, "degC"), before
        assert sorted(value for path, (value, _) in before.items() if "~" in path) == [10, 11], before
        declare(program, "number", "degF")
        try:
            declare(program, "boolean", "")
            raise AssertionError("a type that the readings contradict was taken")
        except Refused as refused:
            assert refused.status == 400 and "readings of type number" in refused.body, refused
        after = tags(program)
        assert after["k/a.t"] == (21, "degF") and after["k/b.t"] == (96, "degF") and after.keys() == before.keys(), after
        for end in (program.kill, program.stop, program.stop):
            end()
            program.start()
            assert tags(program) == after, (tags(program), after)
            assert alarms(program) == [("hot", "k/b", "k/b.t")], alarms(program)
    print(f"{len(after)} tags of three devices and a path, told apart by every door and over three restarts")


if __name__ == "__main__":
    main()
