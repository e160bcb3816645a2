#!/usr/bin/env python3
"""Workbooks of other writers through the real program: random tables written by openpyxl (.xlsx) and xlwt (.xls) are imported and
compared cell by cell through the checksum that the report gives for each tag. Prints the seed."""
import datetime
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import openpyxl
import xlwt

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from batch import crc32c  # noqa: E402
from harness import PROGRAM  # noqa: E402

WORDS = ["运行", "换模", "a,b", "\"引号\"", "两\n行", " 前空格".strip(), "x" * 300, "😀 表情", "<b>&amp;", "007", "=1+1", "停 机"]


def random_table(rng):
    """Columns with a type; None is an empty cell."""
    columns = [(f"列{i}" if rng.random() < 0.5 else f"column {i}", rng.choice(["number", "number", "percent", "boolean", "text"])) for i in range(rng.randint(1, 8))]
    rows = []
    at = datetime.datetime(2026, 1, 1) + datetime.timedelta(minutes=rng.randint(0, 500_000))
    for _ in range(rng.randint(1, 60)):
        at += datetime.timedelta(seconds=rng.randint(1, 5000))
        row = [at]
        for _, kind in columns:
            if rng.random() < 0.1:
                row.append(None)
            elif kind == "number":
                row.append(rng.choice([rng.randint(-10**6, 10**6), rng.uniform(-1e3, 1e3), rng.uniform(-1, 1) * 10 ** rng.randint(-12, 15), round(rng.uniform(0, 100), 2)]))
                row[-1] = float(f"{row[-1]:.16g}")  # openpyxl writes no more digits
            elif kind == "percent":
                row.append(round(rng.uniform(0, 1), rng.randint(1, 6)))
            elif kind == "boolean":
                row.append(rng.random() < 0.5)
            else:
                row.append(rng.choice(WORDS))
        rows.append(row)
    return columns, rows


def write_xlsx(path, columns, rows):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["时间", *[name for name, _ in columns]])
    for r, row in enumerate(rows, 2):
        for c, value in enumerate(row):
            if value is None:
                continue
            cell = sheet.cell(r, c + 1)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # else = makes a formula
            if c and columns[c - 1][1] == "percent":
                cell.number_format = "0.00%"
            if c == 0:
                cell.number_format = 'yyyy"年"m"月"d"日" h:mm:ss'
    book.save(path)


def write_xls(path, columns, rows):
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("数据")
    date, percent = xlwt.easyxf(num_format_str="yyyy/m/d h:mm:ss"), xlwt.easyxf(num_format_str="0.00%")
    for c, name in enumerate(["时间", *[name for name, _ in columns]]):
        sheet.write(0, c, name)
    for r, row in enumerate(rows, 1):
        for c, value in enumerate(row):
            if value is None:
                continue
            style = date if c == 0 else percent if columns[c - 1][1] == "percent" else xlwt.Style.default_style
            sheet.write(r, c, value, style)
    book.save(path)


def expected(columns, rows):
    """{tag: (count, checksum)}"""
    out = {}
    for c, (name, kind) in enumerate(columns):
        count, sum_ = 0, 0
        for row in rows:
            value = row[c + 1]
            if value is None:
                continue
            ns = int(row[0].replace(tzinfo=datetime.timezone.utc).timestamp()) * 10**9
            if kind in ("number", "percent"):
                bits = struct.pack("<d", float(value) if kind == "number" else shown_percent(value))
            elif kind == "boolean":
                bits = struct.pack("<Q", int(value))
            else:
                bits = struct.pack("<Q", crc32c(value.encode()))
            sum_ = crc32c(struct.pack("<q", ns) + bits, sum_)
            count += 1
        if count:
            out[f"p.c{c}"] = (count, f"{sum_:08x}")
    return out


def shown_percent(value):
    """By the digits: 0.953 is 95.3."""
    mantissa, exponent = f"{value!r}e0".split("e")[:2] if "e" not in repr(value) else repr(value).split("e")
    return float(f"{mantissa}e{int(exponent) + 2}")


def main():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder_name:
        folder = pathlib.Path(folder_name)
        for number in range(60):
            columns, rows = random_table(rng)
            kind = "xlsx" if number % 2 else "xls"
            path, mapping = folder / f"t.{kind}", folder / "t.yaml"
            (write_xlsx if number % 2 else write_xls)(path, columns, rows)
            types = {"number": "number", "percent": "number", "boolean": "boolean", "text": "text"}
            mapping.write_text("time: {column: 时间, format: iso, zone: UTC}\npath: p\ncolumns:\n" + "".join(
                f"  \"{c + 2}\": {{property: c{c}, type: {types[t]}}}\n" for c, (_, t) in enumerate(columns)))
            done = subprocess.run([str(PROGRAM), "import", str(path), "--map", str(mapping), "--dry-run", "--json"], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"table {number}: {done.stdout[-800:]} {done.stderr[-500:]}"
            report = json.loads(done.stdout)[0]
            assert report["rows"] == len(rows), (number, report["rows"], len(rows))
            found = {tag["tag"]: (tag["values"], tag["crc32c"]) for tag in report["tags"]}
            assert found == expected(columns, rows), f"table {number}: {found} instead of {expected(columns, rows)}"
    print("60 tables of openpyxl and xlwt read as they were written")


if __name__ == "__main__":
    main()
