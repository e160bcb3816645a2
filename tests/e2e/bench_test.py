#!/usr/bin/env python3
"""gongshu bench, small: what is read back is what was sent, the JSON has its fields, the folder is left as it was, a
data folder is not touched and a competitor that does not exist is told. Nothing here looks at a time."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM  # noqa: E402

MEASURES = {
    "ingest": {"engine_rows_per_s", "engine_rows_per_core_s", "http_rows_per_s", "http_rows_per_core_s"},
    "query": {"chart_30d_p50_ms", "chart_30d_p99_ms", "raw_1h_p50_ms", "raw_1h_p99_ms", "last_all_p50_ms", "last_all_p99_ms"},
    "mqtt": {"messages_per_s", "messages_per_core_s", "ack_p50_ms", "ack_p99_ms", "single_ack_p50_ms", "single_ack_p99_ms"},
    "cpu-only": {"points_per_s", "points_per_core_s", "bytes_per_point", "lastpoint_p50_ms", "cpu_max_all_1_p50_ms", "cpu_max_all_8_p50_ms",
                 *(f"single_groupby_{what}_p50_ms" for what in ("1_1_1", "1_1_12", "1_8_1", "5_1_1", "5_8_1")),
                 *(f"double_groupby_{what}_p50_ms" for what in ("1", "5", "all"))},
}


def bench(*args):
    return subprocess.run([str(PROGRAM), "bench", *args], capture_output=True, text=True, timeout=300)


def check(report, name):
    assert report["bench"] == name and report["small"] is True and report["machine"] and report["version"], report
    assert report["equal"] and report["sent"] == report["read_back"] > 0, report
    assert {"memory", "disk", "fdatasync"} <= {one["name"] for one in report["floors"]}, report
    assert {one["name"] for one in report["measures"]} == MEASURES[name], report
    for one in report["measures"]:
        assert one["value"] > 0 and one["floor"] > 0 and one["off"] > 0 and one["floor_about"] and one["unit"] in ("/s", "ms", "B"), one


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in MEASURES:
            run = bench(name, "--small", "--json", "--folder", folder)
            assert run.returncode == 0, (name, run.stdout, run.stderr)
            check(json.loads(run.stdout), name)
            assert not list(pathlib.Path(folder).iterdir()), f"{name} left something behind"
        text = bench("mqtt", "--small", "--folder", folder).stdout
        assert "equal" in text and "messages_per_s" in text and "floor" in text, text

        missing = []
        for name, peer_name in (("mqtt", "mosquitto"), ("cpu-only", "victoria-metrics")):
            run = bench(name, "--small", "--json", "--vs", peer_name, "--folder", folder)
            if shutil.which(peer_name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"):
                report = json.loads(run.stdout)
                peer = report["peer"]
                assert run.returncode == 0 and report["equal"] and peer["version"] and peer["guarantee"] and peer["our_guarantee"], report
                assert {one["name"] for one in peer["measures"]} == MEASURES[name] == set(peer["ratios"]), peer
            else:
                missing.append(peer_name)
                assert run.returncode == 1 and "not on this machine" in run.stderr, run
        assert not list(pathlib.Path(folder).iterdir())

        (pathlib.Path(folder) / "history").mkdir()
        for args, code, want in ((("ingest", "--folder", folder), 1, "is a data folder"), (("query", "--vs", "influx"), 1, "no driver for 'influx'"),
                                 (("all",), 2, "expected one of ingest, query, mqtt, cpu-only"), ((), 2, "usage: gongshu bench")):
            run = bench(*args)
            assert run.returncode == code and want in run.stderr and not run.stdout, (args, run)
    print("four benches count right" + (f"; not installed, so nothing was compared with: {', '.join(missing)}" if missing else ""))


if __name__ == "__main__":
    main()
