#!/usr/bin/env python3
"""gongshu bench, small: what is read back is what was sent, the JSON has its fields, the folder is left as it was, a
data folder is not touched and a competitor that does not exist is told. Nothing here looks at a time."""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM  # noqa: E402

QUESTIONS = [*(f"single_groupby_{what}" for what in ("1_1_1", "1_1_12", "1_8_1", "5_1_1", "5_1_12", "5_8_1")), "cpu_max_all_1", "cpu_max_all_8",
             *(f"double_groupby_{what}" for what in ("1", "5", "all")), "lastpoint", "high_cpu_1", "high_cpu_all", "groupby_orderby_limit",
             "high_cpu_all_sql", "groupby_orderby_limit_sql"]


def line_set(name, *questions):
    """What is measured of a set that is written as lines."""
    return {f"{name}_points_per_s", f"{name}_points_per_core_s", f"{name}_bytes_per_point",
            *(f"{name}_{question}_{what}_ms" for question in questions for what in ("p50", "cpu"))}


MEASURES = {
    "ingest": {"engine_rows_per_s", "engine_rows_per_core_s", "http_rows_per_s", "http_rows_per_core_s"},
    "query": {"chart_30d_p50_ms", "chart_30d_p99_ms", "raw_1h_p50_ms", "raw_1h_p99_ms", "last_all_p50_ms", "last_all_p99_ms"},
    "mqtt": {"messages_per_s", "messages_per_core_s", "ack_p50_ms", "ack_p99_ms", "single_ack_p50_ms", "single_ack_p99_ms"},
    "cpu-only": {"points_per_s", "points_per_core_s", "columns_points_per_s", "columns_points_per_core_s", "bytes_per_point",
                 *(f"{question}_{what}_ms" for question in QUESTIONS for what in ("p50", "cpu"))},
    "live": {"in_order_points_per_core_s", "late_points_per_core_s", "disorder_loss", "idle_read_p99_ms", "busy_read_p99_ms", "busy_read_p99_times",
             "visible_p50_ms", "visible_p99_ms"},
    "plant": line_set("plant", "count_all", "raw_1", "max_1", "avg_8", "avg_all", "last_all"),
    "devops": line_set("devops", "count_redis", "single_groupby_1_1_1", "single_groupby_5_8_1", "cpu_max_all_8", "double_groupby_1", "double_groupby_all",
                       "lastpoint", "mem_avg_8", "redis_raw_1"),
    "iot": line_set("iot", "count_readings", "count_diagnostics", "last_loc", "single_last_loc", "low_fuel", "high_load", "stationary_trucks",
                    "long_driving_sessions", "avg_load", "daily_activity"),
    "mqtt-points": {"mqtt_points_per_s", "mqtt_points_per_core_s"},
    "tags": {"idle_written_bytes_per_tag", "idle_sealed_bytes_per_tag", "idle_restarted_bytes_per_tag", "idle_restart_ms"},
    "connect": {"connect_tags_per_s", "connect_cores_per_100k_tags", "connect_poll_off_p99_ms", "connect_memory_per_machine", "connect_command_p50_ms",
                "connect_command_p99_ms"},
    "real": {"made_bits_per_value", "real_bits_per_value"},
}
RIVALS = {"mqtt": ["mosquitto"], "cpu-only": ["clickhouse", "duckdb", "influxdb", "postgresql", "victoria-metrics"],
          **{name: ["influxdb", "victoria-metrics"] for name in ("plant", "devops", "iot")}, "mqtt-points": ["mosquitto", "mosquitto-victoria-metrics"], "tags": ["victoria-metrics"],
          "live": ["victoria-metrics"]}
ROOT = pathlib.Path(__file__).resolve().parents[2]


def bench(*args):
    return subprocess.run([str(PROGRAM), "bench", *args], capture_output=True, text=True, timeout=600)


def check(report, name):
    assert report["bench"] == name and report["small"] is True and report["machine"] and report["version"], report
    assert report["equal"] and report["sent"] == report["read_back"] > 0, report
    assert name == "real" or {"memory", "disk", "fdatasync"} <= {one["name"] for one in report["floors"]}, report
    assert {one["name"] for one in report["measures"]} == MEASURES[name], report
    for one in report["measures"]:
        assert (one["value"] > 0 or one["unit"] == "%") and one["unit"] in ("/s", "ms", "B", "kB", "x", "%", "bit", "cores"), one
        alone = name == "connect" and one["unit"] != "cores"
        if one["name"].endswith("_cpu_ms") or name in ("live", "real", "tags") or alone:
            assert "floor" not in one, one  # nobody can say what it takes at the least
        else:
            assert one["floor"] > 0 and one["off"] > 0 and one["floor_about"], one


def draw(folder):
    """The table that `make bench` makes of such reports."""
    reports = sorted(pathlib.Path(folder).glob("*.json"))
    subprocess.run([sys.executable, str(ROOT / "tools/benchmarks.py"), *map(str, reports), "--into", folder, "--note", "beside tests"], check=True)
    text = (pathlib.Path(folder) / "benchmarks.md").read_text()
    for part in ("A small run", "beside tests", "| T1 | ", "| T15 | ", "not measured", "| double_groupby_all_p50_ms, ms |", "equal", "benchmarks/bytes_per_point.svg"):
        assert part in text, (part, text)
    assert len(json.loads((pathlib.Path(folder) / "benchmarks/results.json").read_text())) == len(reports)
    picture = (pathlib.Path(folder) / "benchmarks/bytes_per_point.svg").read_text()
    assert picture.startswith("<svg") and "prefers-color-scheme:dark" in picture, picture


def main():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as kept:
        pathlib.Path(folder).chmod(0o711)  # PostgreSQL runs as a user of its own
        for name in MEASURES:
            run = bench(name, "--small", "--json", "--folder", folder)
            assert run.returncode == 0, (name, run.stdout, run.stderr)
            check(json.loads(run.stdout), name)
            assert not list(pathlib.Path(folder).iterdir()), f"{name} left something behind"
        text = bench("mqtt", "--small", "--folder", folder).stdout
        assert "equal" in text and "messages_per_s" in text and "floor" in text, text

        missing, beside = [], []
        for name, names in RIVALS.items():
            run = bench(name, "--small", "--json", "--vs", "all", "--folder", folder)
            assert run.returncode == 0, (name, run.stdout, run.stderr)
            report = json.loads(run.stdout)
            check(report, name)
            told = {peer["name"] for peer in report["peers"]} | {one for one in names for absent in report["absent"] if one in absent}
            assert told == set(names) and len(report["peers"]) + len(report["absent"]) == len(names), report
            assert all("apt install" in absent or "deps.sh" in absent for absent in report["absent"]), report["absent"]
            for peer in report["peers"]:
                assert peer["version"] and peer["guarantee"] and peer["our_guarantee"] and peer["durability"], peer
                measured = {one["name"] for one in peer["measures"]}
                assert measured == set(peer["ratios"]) and len(measured) > (1 if name in ("mqtt-points", "tags", "live") else 5) and measured <= MEASURES[name], peer
            missing += report["absent"]
            beside += [peer["name"] for peer in report["peers"]]
            (pathlib.Path(kept) / f"{name}.json").write_text(run.stdout)
        run = bench("cpu-only", "--small", "--vs", "clickhouse", "--vs-binary", "/nowhere/clickhouse", "--folder", folder)
        assert run.returncode == 1 and "/nowhere/clickhouse" in run.stderr, run
        draw(kept)
        assert not list(pathlib.Path(folder).iterdir())

        (pathlib.Path(folder) / "history").mkdir()
        for args, code, want in ((("ingest", "--folder", folder), 1, "is a data folder"), (("query", "--vs", "influx"), 1, "no driver for 'influx'"),
                                 (("real", "--folder", "/tmp"), 2, "name the folder of measurements by --data"),
                                 (("real", "--data", "/nowhere", "--folder", "/tmp"), 1, "--data /nowhere: measurements are missing"),
                                 (("all",), 2, "expected one of ingest, query, mqtt, cpu-only, live, real, plant, devops, iot, mqtt-points, tags, connect"), ((), 2, "usage: gongshu bench")):
            run = bench(*args)
            assert run.returncode == code and want in run.stderr and not run.stdout, (args, run)
    print(f"the benches count right, beside {', '.join(beside) or 'nobody'}" + "".join(f"; {one}: nothing was compared" for one in missing))


if __name__ == "__main__":
    main()
