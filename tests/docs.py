#!/usr/bin/env python3
"""Checks that the documents name only what exists: relative links resolve, and each path of the tree that stands in
backticks (src/…, docs/…, tests/… and the other folders) is there. Globs and {a,b} are understood; after a `:` may stand a
function. Prints each offence with file and line; exit 1 if any."""
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


if sys.argv[1:] == ["--self-test"]:
    self_test()
    print("docs: the checker finds planted offences")
else:
    bad = list(offences(pathlib.Path(sys.argv[1])))
    print("\n".join(bad) or "docs: every path and link is there")
    sys.exit(1 if bad else 0)
