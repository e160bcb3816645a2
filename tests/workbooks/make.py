#!/usr/bin/env python3
"""Makes the workbooks beside it and the seeds of the fuzzers, with python3-openpyxl and python3-xlwt, and LibreOffice where
it is installed (soffice). They are checked in: tests read the bytes, and nobody needs to run this."""
import datetime
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

import openpyxl
import openpyxl.styles
import xlwt

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def furnace(sheet, merge, put_format):
    """A shift's record as shops keep it: a title, two header rows with merged cells, notes and a sum below."""
    rows = [
        ["1号炉 温度记录表"],
        ["班组：甲班", None, None, None, None, "2026年1月"],
        ["时间", "炉温", None, "压力", "产量", "备注"],
        [None, "设定值(℃)", "实际值(℃)", "MPa", "(件)", None],
        [datetime.datetime(2026, 1, 5, 8, 0), 850, 848.5, 0.4, 120, None],
        [datetime.datetime(2026, 1, 5, 8, 30), 850, 851.25, 0.41, 130, "换模"],
        [datetime.datetime(2026, 1, 5, 9, 0), 850, "—", 0.4, "1.2万", None],
        ["2026年1月5日 上午9:30", 850, "停机", 0.39, "1,250", None],
        ["2026/1/5 10:00", 850, "８５０．５", 0.4, 140, None],
        ["合计", None, None, None, 390, None],
        ["注：实际值由仪表读出"],
    ]
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if value is not None:
                put_format(sheet, r, c, value)
    for box in [(0, 0, 0, 5), (2, 3, 0, 0), (2, 2, 1, 2), (2, 3, 5, 5)]:
        merge(sheet, *box)


def kinds(put):
    """One of each kind of cell: name, value, number format."""
    rows = [
        ("整数", 42, None), ("小数", -12.5, None), ("百分比", 0.953, "0.0%"), ("日期", datetime.date(2026, 1, 5), 'yyyy"年"m"月"d"日"'),
        ("日期时间", datetime.datetime(2026, 1, 5, 8, 30, 15), "yyyy/m/d h:mm:ss"), ("时刻", 0.3541666666666667, "h:mm"),
        ("时长", 1.25, "[h]:mm"), ("是", True, None), ("文字", "你好 & <世界>\n第二行", None), ("科学", 1e-7, "0.00E+00"),
        ("上午", 46027.75, 'yyyy/m/d 上午/下午h"时"mm"分"'), ("红", 7, "[Red]0.00;[h]0"),
    ]
    for r, (name, value, code) in enumerate(rows):
        put(r, name, value, code)


def xlsx(path):
    book = openpyxl.Workbook()
    about = book.active
    about.title = "说明"
    about["A1"] = "填写说明"
    sheet = book.create_sheet("一月")
    furnace(sheet, lambda s, r1, r2, c1, c2: s.merge_cells(start_row=r1 + 1, end_row=r2 + 1, start_column=c1 + 1, end_column=c2 + 1),
            lambda s, r, c, v: s.cell(r + 1, c + 1, v))
    other = book.create_sheet("种类")

    def put(r, name, value, code):
        other.cell(r + 1, 1, name)
        cell = other.cell(r + 1, 2, value)
        if code:
            cell.number_format = code
    kinds(put)
    other["C1"] = "=1/0"
    hidden = book.create_sheet("字典")
    hidden.sheet_state = "hidden"
    hidden["A1"] = "x"
    book.save(path)


def xls(path):
    book = xlwt.Workbook(encoding="utf-8")
    book.add_sheet("说明").write(0, 0, "填写说明")
    sheet = book.add_sheet("一月", cell_overwrite_ok=True)
    date = xlwt.easyxf(num_format_str='yyyy"年"m"月"d"日" h:mm')
    merged = {(0, 0): (0, 5), (2, 0): (3, 0), (2, 1): (2, 2), (2, 5): (3, 5)}

    def put_cell(s, r, c, value):
        style = date if isinstance(value, datetime.datetime) else xlwt.Style.default_style
        if (r, c) in merged:
            s.write_merge(r, merged[(r, c)][0], c, merged[(r, c)][1], value, style)
        else:
            s.write(r, c, value, style)
    furnace(sheet, lambda *box: None, put_cell)
    other = book.add_sheet("种类")

    def put(r, name, value, code):
        other.write(r, 0, name)
        other.write(r, 1, value, xlwt.easyxf(num_format_str=code) if code else xlwt.Style.default_style)
    kinds(put)
    hidden = book.add_sheet("字典")
    hidden.visibility = 1
    hidden.write(0, 0, "x")
    long = book.add_sheet("长文")  # texts that go on in CONTINUE records
    for r in range(20):
        long.write(r, 0, f"{r}:" + "甲乙丙丁" * 250)
        long.write(r, 1, f"{r}:" + "abcd" * 250)
    book.save(path)


def convert(source, kind, path):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", kind, "--outdir", folder, str(source)],
                       check=True, capture_output=True, timeout=120)
        shutil.copy(pathlib.Path(folder) / (source.stem + "." + kind.split(":")[0]), path)


def seeds():
    zips = ROOT / "src/wire/corpus/zip"
    sheets = ROOT / "src/workbook/corpus/workbook_xlsx"
    old = ROOT / "src/workbook/corpus/workbook_xls"
    for name in ("stored", "deflated"):
        with zipfile.ZipFile(zips / f"{name}.zip", "w", zipfile.ZIP_STORED if name == "stored" else zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("xl/a.xml", (2026, 1, 5, 8, 0, 0)), "<a>" + "b" * 300 + "</a>",
                             zipfile.ZIP_STORED if name == "stored" else zipfile.ZIP_DEFLATED)
            archive.writestr(zipfile.ZipInfo("empty", (2026, 1, 5, 8, 0, 0)), "")
    for writer in ("furnace", "libreoffice"):
        with zipfile.ZipFile(HERE / f"{writer}.xlsx") as archive:
            part = lambda name: archive.read(name) if name in archive.namelist() else b""
            for index in (2, 3):
                (sheets / f"{writer}{index}").write_bytes(b"\0".join(
                    [part(f"xl/worksheets/sheet{index}.xml"), part("xl/sharedStrings.xml") or b"<sst/>", part("xl/styles.xml")]))
    (sheets / "kinds").write_bytes("\0".join([
        '<worksheet><sheetData><row r="2"><c r="A2" t="s"><v>0</v></c><c t="inlineStr"><is><r><t>甲</t></r><rPh><t>jia</t></rPh><t>_x000D_</t></is></c>'
        '<c s="1"><v>46027.5</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="d"><v>2026-01-05T08:30:00.5</v></c><c t="str"><f>A1</f><v>x</v></c>'
        '<c><f>1</f></c></row><row><c><v>1e3</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells></worksheet>',
        '<sst><si><t>乙</t></si></sst>',
        '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>',
        '<workbook><workbookPr date1904="1"/><sheets><sheet name="a" state="hidden" r:id="r1" xmlns:r="r"/></sheets></workbook>',
    ]).encode())
    small = xlwt.Workbook(encoding="utf-8")
    sheet = small.add_sheet("甲")
    for r in range(3):
        sheet.write(r, 0, f"文字{r}")
        sheet.write(r, 1, 1.5 * r)
        sheet.write(r, 2, xlwt.Formula("1+1"))
        sheet.write(r, 3, r)
        sheet.write(r, 4, r + 1)
    sheet.write_merge(4, 5, 0, 1, True)
    small.save(old / "xlwt.xls")
    if shutil.which("soffice"):
        convert(old / "xlwt.xls", "xls:MS Excel 97", old / "libreoffice.xls")


if __name__ == "__main__":
    xlsx(HERE / "furnace.xlsx")
    xls(HERE / "furnace.xls")
    if shutil.which("soffice"):
        convert(HERE / "furnace.xlsx", "xls:MS Excel 97", HERE / "libreoffice.xls")
        convert(HERE / "furnace.xlsx", "xlsx:Calc MS Excel 2007 XML", HERE / "libreoffice.xlsx")
    seeds()
