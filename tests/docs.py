#!/usr/bin/env python3
"""Checks that the documents name only what exists: relative links resolve, and each path of the tree that stands in
backticks (src/…, docs/…, tests/… and the other folders) is there. Globs and {a,b} are understood; after a `:` may stand a
function. The tables of docs/reference-shop.md add up to the numbers that its text tells, and the protocols, packages and tests that they name
are there. Prints each offence with file and line; exit 1 if any."""
import itertools
import pathlib
import re
import sys
import tempfile

LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^\s*```")
FOLDERS = ("src", "docs", "tests", "web", "plant", "library", "tools", "cmake", "bench", ".ci")
TREE_PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*{{}},+-]*")

SHOP = "docs/reference-shop.md"
PEERS = ("others", "own lines", "simulated")  # who stood at the other end in a test
WHY_NOT = ("closed", "no control", "not yet")
SHOP_TABLES = (("group", "number", "protocol", "package", "test", "peer"), ("group", "number", "why", "what stands in", "test"),
               ("group", "devices", "reached", *PEERS, "not reached"))
STATED = re.compile(r"\*\*(\d+)(?: of (\d+))?\*\*")
E2E = re.compile(r"`tests/e2e/(\w+)_test\.py`")


def documents(root):
    found = {*root.glob("docs/**/*.md"), *root.glob("README*.md"), *root.glob("CONTRIBUTING.md"), *root.glob("CHANGELOG.md")}
    return sorted(found)


def alternatives(path):
    """a.{h,cpp} -> a.h, a.cpp"""
    parts = [part.strip("{}").split(",") if part.startswith("{") else [part] for part in re.split(r"(\{[^}]*\})", path)]
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def offences(root):
    for document in documents(root):
        relative = document.relative_to(root)
        fenced = False
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            if FENCE.match(line):
                fenced = not fenced
                continue
            if fenced:
                continue
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target) or target.startswith("#"):
                    continue
                if not (document.parent / target.split("#")[0]).exists():
                    yield f"{relative}:{number}: the link {target} leads nowhere"
            for quoted in QUOTED.findall(line):
                for path in TREE_PATH.findall(quoted):
                    for one in alternatives(path.rstrip(".,")):
                        there = list(root.glob(one.rstrip("/"))) if "*" in one else (root / one).exists()
                        if not there:
                            yield f"{relative}:{number}: there is no {one}"


def tables(text):
    """Of each table its columns and rows, a row as (line, {column: cell})."""
    found, columns = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if columns is None:
            columns = cells
            found.append((columns, []))
        elif not all(re.fullmatch(":?-+:?", cell) for cell in cells):
            found[-1][1].append((number, dict(itertools.zip_longest(columns, cells, fillvalue=""))))
    return found


def rows_with(all_tables, wanted):
    return next((rows for columns, rows in all_tables if set(wanted) <= set(columns)), None)


def names_offences(root, row):
    """Protocols and packages in backticks, and tests that ctest runs."""
    protocols = re.search(r"enum class Protocol[^{]*{(.*?)};", (root / "src/registry/kinds/connection.h").read_text(encoding="utf-8"), re.S)[1]
    protocols = set(re.findall(r"\w+", re.sub("//.*", "", protocols)))
    packages = {path.name for path in root.glob("library/packages/*")}
    for column, known, what in (("protocol", protocols, "protocol"), ("package", packages, "package"),
                                ("what stands in", protocols | packages, "protocol or package")):
        named = [name for name in QUOTED.findall(row.get(column, "")) if "/" not in name]
        yield from (f"there is no {what} {name}" for name in named if name not in known)
        if column == "protocol" and column in row and not named:
            yield "no protocol is named"
    run = set(re.findall(r"gongshu_e2e\((\w+)", (root / "tests/CMakeLists.txt").read_text(encoding="utf-8")))
    tests = E2E.findall(row["test"])
    yield from (f"tests/CMakeLists.txt does not run tests/e2e/{name}_test.py" for name in tests if name not in run)
    if not tests:
        yield "no test of tests/e2e is named"


def shop_offences(root):
    if not (root / SHOP).exists():
        return
    text = (root / SHOP).read_text(encoding="utf-8")
    all_tables = tables(text)
    reached, missed, told = (rows_with(all_tables, columns) for columns in SHOP_TABLES)
    if None in (reached, missed, told):
        yield f"{SHOP}: expected three tables, with the columns {'; '.join(', '.join(columns) for columns in SHOP_TABLES)}"
        return
    numbers, groups = {}, []
    for column, allowed, rows in (("peer", PEERS, reached), ("why", WHY_NOT, missed)):
        for line, row in rows:
            yield from (f"{SHOP}:{line}: {offence}" for offence in names_offences(root, row))
            if row[column] not in allowed or not re.fullmatch("[1-9][0-9]*", row["number"]):
                yield f"{SHOP}:{line}: expected a number, and {column} as one of: {', '.join(allowed)}"
                continue
            groups.append(row["group"])
            for group in (row["group"], "all"):
                numbers[group, row[column]] = numbers.get((group, row[column]), 0) + int(row["number"])

    def count(group, *what):
        return sum(numbers.get((group, one), 0) for one in what)

    def sums(group):
        return {"devices": count(group, *PEERS, *WHY_NOT), "reached": count(group, *PEERS), **{peer: count(group, peer) for peer in PEERS},
                "not reached": count(group, *WHY_NOT)}

    for line, row in told:
        for column, sum_ in sums(row["group"]).items():
            if row[column] != str(sum_):
                yield f"{SHOP}:{line}: {row['group']}, {column}: it says {row[column]}, the rows add up to {sum_}"
    listed = [row["group"] for _, row in told]
    if sorted(listed) != sorted({*groups, "all"}):
        yield f"{SHOP}: the groups of the rows are {sorted(set(groups))}, those of the sums {listed}"
    every = sums("all")
    want = [(str(every["reached"]), str(every["devices"])), *((str(count("all", one)), "") for one in PEERS), (str(every["not reached"]), ""),
            *((str(count("all", one)), "") for one in WHY_NOT)]
    if STATED.findall(text) != want:
        yield f"{SHOP}: the text says {STATED.findall(text)}, the rows add up to {want}"
    for document in documents(root):
        for said in re.findall(r"\bshop of (\d+) devices", document.read_text(encoding="utf-8")):
            if int(said) != every["devices"]:
                yield f"{document.relative_to(root)}: a shop of {said} devices, the rows add up to {every['devices']}"


def planted_shop(root):
    """A page that is right, and what is found when one thing of it is not."""
    for name, text in (("src/registry/kinds/connection.h", "enum class Protocol : int {\n    // not s7\n    shdr,\n    mc,\n};\n"),
                       ("library/packages/lathe/manifest.yaml", ""), ("tests/CMakeLists.txt", "gongshu_e2e(shdr)\n"),
                       ("tests/e2e/shdr_test.py", ""), ("tests/e2e/idle_test.py", "")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    right = """A shop of 9 devices. **6 of 9** are reached, **3**, **2** and **1**. Of the other **3**, **2**, **0** and **1**.

| group | devices | reached | others | own lines | simulated | not reached |
|---|---|---|---|---|---|---|
| cnc | 7 | 5 | 3 | 2 | 0 | 2 |
| plc | 2 | 1 | 0 | 0 | 1 | 1 |
| all | 9 | 6 | 3 | 2 | 1 | 3 |

| group | device | number | protocol | package | test | peer |
|---|---|---|---|---|---|---|
| cnc | a | 3 | `shdr` | `lathe` | `tests/e2e/shdr_test.py` | others |
| cnc | b | 2 | `shdr` | none | `tests/e2e/shdr_test.py` | own lines |
| plc | c | 1 | `mc` | (`lathe`) | `tests/e2e/shdr_test.py` | simulated |

| group | device | number | why | what stands in | test |
|---|---|---|---|---|---|
| cnc | d | 2 | closed | `lathe` by `shdr` | `tests/e2e/shdr_test.py` |
| plc | e | 1 | not yet | none | `tests/e2e/shdr_test.py` |
"""
    (root / SHOP).write_text(right)
    assert not list(shop_offences(root)), list(shop_offences(root))
    for old, new, part in (("| cnc | a | 3", "| cnc | a | 4", "cnc, reached: it says 5, the rows add up to 6"),
                           ("| all | 9 | 6", "| all | 9 | 7", "all, reached: it says 7, the rows add up to 6"),
                           ("**6 of 9**", "**7 of 9**", "the text says [('7', '9')"), ("and **1**. Of", "and **2**. Of", "the text says"),
                           (" **0** and", " none and", "the text says"), ("shop of 9", "shop of 10", "a shop of 10 devices, the rows add up to 9"),
                           ("| plc | e |", "| robot | e |", "the groups of the rows are ['cnc', 'plc', 'robot']"),
                           ("| plc | e | 1 |", "| plc | e | some |", "expected a number"), ("| simulated |\n\n", "| ours |\n\n", "peer as one of"),
                           ("| not yet |", "| perhaps |", "why as one of"), ("| `mc` |", "| `s7` |", "there is no protocol s7"),
                           ("| `mc` |", "| mc |", "no protocol is named"), ("(`lathe`)", "(`mill`)", "there is no package mill"),
                           ("`lathe` by", "`mill` by", "there is no protocol or package mill"),
                           ("(`lathe`) | `tests/e2e/shdr_test.py`", "(`lathe`) | `tests/e2e/idle_test.py`", "does not run tests/e2e/idle_test.py"),
                           ("(`lathe`) | `tests/e2e/shdr_test.py`", "(`lathe`) | by hand", "no test of tests/e2e is named"),
                           ("| group | devices |", "| of | devices |", "expected three tables")):
        assert old in right, old
        (root / SHOP).write_text(right.replace(old, new, 1))
        found = list(shop_offences(root))
        assert any(part in one for one in found), (new, found)
    (root / SHOP).write_text(right.replace("`tests/e2e/shdr_test.py`", "`tests/e2e/none_test.py`", 1))
    assert any("there is no tests/e2e/none_test.py" in one for one in offences(root)), list(offences(root))
    (root / SHOP).unlink()


def self_test():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "docs").mkdir()
        (root / "src/a").mkdir(parents=True)
        (root / "src/a/x.h").write_text("")
        (root / "src/a/x.cpp").write_text("")
        good = "[a](docs/b.md) [web](https://example.org) [there](#here) `src/a/x.cpp: f` `src/a/x.{h,cpp}` `src/a/*.h` `a src/a/`\n```\n`src/none`\n```\n"
        (root / "README.md").write_text(good)
        (root / "docs/b.md").write_text("[up](../README.md#part)\n")
        assert not list(offences(root)), list(offences(root))
        (root / "README.md").write_text("[a](docs/c.md)\n`src/a/y.cpp: f` and `src/a/x.{h,hpp}`\n`src/b/*.h`\n")
        found = list(offences(root))
        assert len(found) == 4 and found[1].startswith("README.md:2:"), found
        planted_shop(root)


if sys.argv[1:] == ["--self-test"]:
    self_test()
    print("docs: the checker finds planted offences")
else:
    tree = pathlib.Path(sys.argv[1])
    bad = [*offences(tree), *shop_offences(tree)]
    print("\n".join(bad) or "docs: every path and link is there, and the reference shop adds up")
    sys.exit(1 if bad else 0)
