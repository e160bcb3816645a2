#!/usr/bin/env python3
"""tools/benchmarks.py REPORT.json… --into DIR [--note TEXT]: of the reports of `gongshu bench NAME --json` makes one table for
people, DIR/benchmarks.md with charts, and DIR/benchmarks/results.json for whoever compares. No figure is in here: all come from
the reports, and a goal without one is told as not measured."""
import argparse
import datetime
import json
import pathlib
import sys

# Number, what it is, its parts: measure, "at least" or "at most", the limit; then rival and how many times better than it.
GOALS = [
    ("T1", "ingest, line protocol over HTTP, all tags, synced; points a core's second", [("points_per_core_s", ">=", 10e6)],
     [("points_per_core_s", "victoria-metrics", 6), ("points_per_core_s", "influxdb", 10)]),
    ("T2", "ingest as columns without tags, synced; points a core's second", [("columns_points_per_core_s", ">=", 15e6)],
     [("columns_points_per_core_s", "clickhouse", 1.7), ("columns_points_per_core_s", "postgresql", 2)]),
    ("T3", "ingest by MQTT QoS 1, ten values a message, durable; points a core's second, beside mosquitto, mosquitto_sub, curl and VictoriaMetrics together",
     [("mqtt_points_per_core_s", ">=", 2.5e6)], [("mqtt_points_per_core_s", "mosquitto-victoria-metrics", 3)]),
    ("T4", "bytes a point, whole numbers, index in", [("bytes_per_point", "<=", 0.30)],
     [("bytes_per_point", "victoria-metrics", 1.25), ("bytes_per_point", "clickhouse", 7), ("bytes_per_point", "postgresql", 50)]),
    ("T4, plant", "bytes a point, a plant's analogue values of few decimals, counts and states, each second, index in", [],
     [("plant_bytes_per_point", "victoria-metrics", 1.25)]),
    ("T5", "bits a value of real doubles: a gas turbine, NAB's machines, a chemical plant", [("real_bits_per_value", "<=", 17)], [("real_bits_per_value", "zstd", 1), ("real_bits_per_value", "gorilla", 1)]),
    ("T6", "single_groupby_1_1_1", [("single_groupby_1_1_1_p50_ms", "<=", 0.12)], [("single_groupby_1_1_1_p50_ms", "victoria-metrics", 3)]),
    ("T7", "cpu_max_all_8", [("cpu_max_all_8_p50_ms", "<=", 0.6)], [("cpu_max_all_8_p50_ms", "victoria-metrics", 7)]),
    ("T8", "double_groupby_1 and _all", [("double_groupby_1_p50_ms", "<=", 0.8), ("double_groupby_all_p50_ms", "<=", 6)],
     [("double_groupby_1_p50_ms", "victoria-metrics", 7), ("double_groupby_all_p50_ms", "victoria-metrics", 9)]),
    ("T9", "lastpoint of 100 hosts", [("lastpoint_p50_ms", "<=", 0.3)], [("lastpoint_p50_ms", "influxdb", 200)]),
    ("T10", "groupby_orderby_limit and high_cpu_all", [("groupby_orderby_limit_p50_ms", "<=", 0.5), ("high_cpu_all_p50_ms", "<=", 15)],
     [("groupby_orderby_limit_p50_ms", "clickhouse", 10), ("high_cpu_all_p50_ms", "clickhouse", 3)]),
    ("T11", "disorder: what ingest loses, in percent; no wrong rows", [("disorder_loss", "<=", 25)], []),
    ("T12", "p99 of a read while it is written to, times that of an idle server", [("busy_read_p99_times", "<=", 2)], []),
    ("T13", "from acknowledged to visible", [("visible_p99_ms", "<=", 5)], [("visible_p99_ms", "victoria-metrics", 100)]),
    ("T14", "rows lost by kill -9 and a power cut: tests/e2e/durability_test.py, not a bench", [], []),
    ("T15", "resident memory of devices of ten tags that are idle, a tag, above an empty server's: with all written and merged, and started again",
     [("idle_sealed_bytes_per_tag", "<=", 60), ("idle_restarted_bytes_per_tag", "<=", 60)],
     [("idle_sealed_bytes_per_tag", "victoria-metrics", 5), ("idle_restarted_bytes_per_tag", "victoria-metrics", 5)]),
    ("C1", "1,000 Modbus TCP machines of 100 registers, each read every second: processor cores for 100,000 tags a second",
     [("connect_tags_per_s", ">=", 99_000), ("connect_cores_per_100k_tags", "<=", 0.5)], []),
]
SPREAD = " – "
BUSY = 1.0  # programs that wanted a core before a run began, from which on its times say little
STYLE = """<style>text{font:12px system-ui,sans-serif;fill:#24292f}.o{fill:#0969da}.r{fill:#afb8c1}line{stroke:#8c959f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.o{fill:#58a6ff}.r{fill:#6e7681}}</style>"""


def number(value, unit):
    step, steps = 0, ("", " k", " M", " G")
    if unit in ("/s", "B/s"):
        while value >= 9999.5 and step < 3:
            value, step = value / 1000, step + 1
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2 if value >= 0.0995 else 4
    return f"{value:.{digits}f}{steps[step]}"


def spread(measure):
    runs = measure.get("runs") or []
    if len(runs) < 2:
        return ""
    return f" ({number(min(runs), measure['unit'])}{SPREAD}{number(max(runs), measure['unit'])})"


def better(ours, theirs):
    """How many times better ours is."""
    up = ours["more_is_better"]
    return ours["value"] / theirs["value"] if up else theirs["value"] / ours["value"]


def by_name(measures):
    return {one["name"]: one for one in measures}


class Results:
    def __init__(self, reports):
        self.reports = reports
        self.ours, self.rivals, self.load = {}, {}, {}
        for report in reports:
            self.ours.update(by_name(report["measures"]))
            self.load.update({one["name"]: report["load"] for one in report["measures"]})
            for peer in report["peers"]:
                self.rivals.setdefault(peer["name"], {}).update(by_name(peer["measures"]))

    def ratio(self, measure, rival):
        ours, theirs = self.ours.get(measure), self.rivals.get(rival, {}).get(measure)
        return better(ours, theirs) if ours and theirs else None

    def best(self, measure):
        """The rival that does it best, or nothing."""
        ratios = [(self.ratio(measure, rival), rival) for rival in self.rivals]
        return min(((ratio, rival) for ratio, rival in ratios if ratio is not None), default=None)

    def goal(self, limits, ratios):
        """met, missed or not measured, and the figures. What is missed while other work wants the cores may yet be met without it, but for sizes."""
        if not limits and not ratios:
            return "not measured", ""
        told, met, whole = [], True, True
        for name, sign, limit in limits:
            one = self.ours.get(name)
            if one is None:
                return "not measured", ""
            met &= one["value"] >= limit if sign == ">=" else one["value"] <= limit
            told.append(f"{number(one['value'], one['unit'])} {one['unit']} ({'≥' if sign == '>=' else '≤'} {number(limit, one['unit'])})")
        for name in {name: 0 for name, _, _ in ratios if name not in {limit[0] for limit in limits}}:
            if name not in self.ours:
                return "not measured", ""
            told.append(f"{number(self.ours[name]['value'], self.ours[name]['unit'])} {self.ours[name]['unit']}")
        for name, rival, limit in ratios:
            ratio = self.ratio(name, rival)
            whole &= ratio is not None
            met &= ratio is None or ratio >= limit
            told.append(f"{f'{ratio:.2f}' if ratio is not None else 'not measured'} × {rival} (≥ {limit:g})")
        beside = any(self.load[name] > BUSY and self.ours[name]["unit"] != "B" for name, _, _ in [*limits, *ratios])
        return "met" if met and whole else "not measured in full" if met else "missed, with other work beside" if beside else "missed", "; ".join(told)


def chart(title, rows):
    """Bars of (name, value, text, ours) over each other, as wide as the greatest."""
    height, widest = 30 + 20 * len(rows), max(value for _, value, _, _ in rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" viewBox="0 0 720 {height}" role="img" aria-label="{title}">',
             STYLE, f'<text x="0" y="14" font-weight="bold">{title}</text>']
    for i, (name, value, text, ours) in enumerate(rows):
        y, width = 24 + 20 * i, max(1, round(400 * value / widest))
        parts.append(f'<text x="170" y="{y + 12}" text-anchor="end">{name}</text><rect class="{"o" if ours else "r"}" x="178" y="{y}" '
                     f'width="{width}" height="15" rx="2"/><text x="{184 + width}" y="{y + 12}">{text}</text>')
    return "".join(parts) + "</svg>\n"


def charts(results):
    made = {}
    for name, title in (("points_per_core_s", "Ingest as lines with tags, points a core's second"),
                        ("columns_points_per_core_s", "Ingest as columns, points a core's second"),
                        ("bytes_per_point", "Bytes a point on disk"), ("plant_bytes_per_point", "Bytes a point of a plant on disk"),
                        ("plant_points_per_core_s", "Ingest of a plant, points a core's second"), ("double_groupby_all_p50_ms", "double_groupby_all, ms"),
                        ("lastpoint_p50_ms", "lastpoint, ms"), ("high_cpu_all_p50_ms", "high_cpu_all, ms")):
        if name not in results.ours:
            continue
        sides = [("gongshu", results.ours[name], True), *((rival, measures[name], False) for rival, measures in results.rivals.items() if name in measures)]
        sides.sort(key=lambda side: side[1]["value"], reverse=sides[0][1]["more_is_better"])
        made[f"{name}.svg"] = chart(title, [(who, one["value"], number(one["value"], one["unit"]), ours) for who, one, ours in sides])
    return made


def table(results, report):
    rivals = [peer["name"] for peer in report["peers"]]
    yield f"| measure | gongshu (least{SPREAD}most of its runs) | × off the floor | best rival | ours is so many times better | " + " | ".join(rivals) + " |"
    yield "|---|---|---|---|---|" + "---|" * len(rivals)
    for one in report["measures"]:
        best = results.best(one["name"]) if rivals else None
        cells = [f"{one['name']}, {one['unit']}", number(one["value"], one["unit"]) + spread(one), f"{one['off']:.1f}" if one.get("floor") else "",
                 best[1] if best else "", f"{best[0]:.2f}" if best else ""]
        for rival in rivals:
            theirs = results.rivals[rival].get(one["name"])
            cells.append(number(theirs["value"], theirs["unit"]) if theirs else "")
        yield "| " + " | ".join(cells) + " |"


def document(results, note):
    first = results.reports[0]
    begun = datetime.datetime.fromtimestamp(first["begun_ms"] / 1000, datetime.timezone.utc)
    yield "# Benchmarks"
    yield ""
    yield "Made by `make bench` (`tools/benchmarks.py`) out of one run; no figure is written by hand. Every answer, ours and the rivals', was compared with what"
    yield "was generated, value by value; `ms` are medians over all askings of a run, then the middle of the runs. In cpu-only, plant, devops and iot server and load were kept"
    yield "on different cores; in cpu-only ClickHouse, DuckDB and PostgreSQL take rows as columns with the number of a host, without its tags, and are asked by that number; the"
    yield "others, this program too, take lines with all ten tags (this program also columns, with paths). Each host is told apart in an answer, where the suite takes"
    yield "the greatest of all together. `_cpu_ms` is the processor time of a server, with its children, for one answer; `_per_core_s` counts the merging behind, too."
    yield ""
    yield f"- Machine: {first['machine']}. Begun {begun:%Y-%m-%d %H:%M} UTC, gongshu {first['version']}."
    loads = ", ".join(f"{report['bench']} {report['load']:.1f}" for report in results.reports)
    yield f"- Load before each began (programs that wanted a core, 1 minute): {loads}. {note}".rstrip()
    told = {}  # in their order, each once
    for report in results.reports:
        for peer in report["peers"]:
            means = f": an acknowledgement means: {peer['guarantee']}. Equal durability: {peer['durability']}." if peer["guarantee"] else ": sizes only."
            told[f"- {peer['name']} {peer['version']}{means}"] = True
        for absent in report["absent"]:
            told[f"- Not compared: {absent}"] = True
    yield from told
    if any(report["small"] for report in results.reports):
        yield "- **A small run: only its counts mean anything, not its times.**"
    yield ""
    yield "## Goals"
    yield ""
    yield "| | goal | state | figures (goal) |"
    yield "|---|---|---|---|"
    for name, what, limits, ratios in GOALS:
        state, figures = results.goal(limits, ratios)
        yield f"| {name} | {what} | {state} | {figures} |"
    for report in results.reports:
        yield ""
        yield f"## {report['bench']}"
        yield ""
        yield f"{report['sent']:.0f} values were to come back, {report['read_back']:.0f} did: {'equal' if report['equal'] else '**not equal**'}."
        yield ""
        yield from table(results, report)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", nargs="+", type=pathlib.Path)
    parser.add_argument("--into", type=pathlib.Path, required=True)
    parser.add_argument("--note", default="", help="what else ran on the machine, and what is not told of the run")
    options = parser.parse_args()
    results = Results([json.loads(path.read_text()) for path in options.reports])
    folder = options.into / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    lines = list(document(results, options.note))
    pictures = charts(results)
    for name, text in pictures.items():
        (folder / name).write_text(text)
    lines += ["", "## Charts", "", *(f"![{name[:-4]}](benchmarks/{name})" for name in pictures)]
    (options.into / "benchmarks.md").write_text("\n".join(lines) + "\n")
    (folder / "results.json").write_text(json.dumps(results.reports, indent=1) + "\n")
    return 0 if all(report["equal"] for report in results.reports) else 1


if __name__ == "__main__":
    sys.exit(main())
