#!/usr/bin/env python3
"""Checks every #include under src/, plant/ and bench/ against src/floors.txt: folders include only lower floors, and each
third-party library is included by the folder that names it. Prints each offence with file and line; exit 1 if any."""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Headers of the C++ and C standard libraries that any folder may include.
STANDARD = set("""algorithm any array atomic bit bitset cctype cerrno cfloat charconv chrono cinttypes climits cmath
compare complex concepts condition_variable csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime deque exception
expected filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator
latch limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio
regex semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector
nmmintrin.h immintrin.h cxxabi.h""".split())
TEST_LIBRARIES = ("gtest/", "gmock/")
STANDARD_PREFIXES = []  # from the line "*": what every folder may include


def read_floors(text):
    folders = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "*":
            STANDARD_PREFIXES.extend(words[1:])
            continue
        if len(words) < 2 or not words[1].isdigit():
            raise SystemExit(f"src/floors.txt:{number}: expected: folder floor [library…]")
        folders[words[0]] = (int(words[1]), words[2:])
    return folders


def offences(root, folders):
    owners = {}
    for folder, (_, libraries) in folders.items():
        for library in libraries:
            owners.setdefault(library, set()).add(folder)
    for path in sorted([*root.glob("src/**/*.h"), *root.glob("src/**/*.cpp"), *root.glob("plant/**/*.h"), *root.glob("plant/**/*.cpp"),
                        *root.glob("bench/**/*.h"), *root.glob("bench/**/*.cpp")]):
        relative = path.relative_to(root)
        folder = relative.parts[0] if relative.parts[0] in ("plant", "bench") else relative.parts[1]
        if folder not in folders:
            yield f"{relative}:1: folder {folder} has no line in src/floors.txt"
            continue
        floor = folders[folder][0]
        is_test = path.stem.endswith(("_test", "_fuzz", "_bench"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            name = found.group(2)
            first = name.split("/")[0]
            if found.group(1) == '"' or first in folders:
                if first not in folders:
                    yield f"{relative}:{number}: {name} is in no folder of src/floors.txt; write the path from src/"
                elif first != folder and folders[first][0] >= floor:
                    yield f"{relative}:{number}: {folder} (floor {floor}) may not include {name} (floor {folders[first][0]}): only lower floors"
                continue
            if name in STANDARD or name.startswith(tuple(STANDARD_PREFIXES)) or (is_test and name.startswith(TEST_LIBRARIES)):
                continue
            owner = [who for library, who in owners.items() if name == library or name.startswith(library)]
            if not owner:
                if "@os" in folders[folder][1]:
                    continue
                yield f"{relative}:{number}: <{name}> belongs to no folder: name it in src/floors.txt, or go through the folder that has it"
            elif not any(folder in who for who in owner):
                yield f"{relative}:{number}: <{name}> is {', '.join(sorted(set().union(*owner)))}'s: go through its headers"


def self_test():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for folder, text in {"low": '#include <vector>\n#include "high/a.h"\n', "high": '#include "low/a.h"\n#include <lib/x.h>\n#include <sys/socket.h>\n', "side": '#include "high/a.h"\n'}.items():
            (root / "src" / folder).mkdir(parents=True)
            (root / "src" / folder / "a.h").write_text(text)
        found = list(offences(root, read_floors("low 0\nhigh 1 \nside 1 lib/\n")))
        assert len(found) == 4, found
        assert not list(offences(root, read_floors("high 0 lib/ @os\nlow 1\nside 1\n")))[1:], "one offence is left: high includes low"


if sys.argv[1:] == ["--self-test"]:
    self_test()
    print("floors: the checker finds planted offences")
else:
    top = pathlib.Path(sys.argv[1])
    bad = list(offences(top, read_floors((top / "src/floors.txt").read_text())))
    print("\n".join(bad) or "floors: every include goes down")
    sys.exit(1 if bad else 0)
