#!/usr/bin/env python3
"""Style as a test: banned calls (each with its replacement), long lines, test files that no target builds, left-over
marks, words of other projects' hosts, and units that take the compiler more than 15 s of processor time (tools/timed.sh notes it). Exit 1 if any."""
import pathlib
import re
import resource
import subprocess
import sys

# pattern, where it is allowed, what to use instead
BANNED = [
    (re.compile(r"\b(system_clock|steady_clock|high_resolution_clock)::now\b"), ("src/io/",), "use Clock&"),
    (re.compile(r"\b(gettimeofday|clock_gettime|time\((NULL|nullptr|0)\))"), ("src/io/",), "use Clock&"),
    (re.compile(r"\b(std::)?(s?rand|random_device|mt19937)\b\s*[({;]"), ("src/io/",), "use Rng&, or io::random_bytes for secrets"),
    (re.compile(r"\bsleep_(for|until)\b|\busleep\(|\bnanosleep\("), ("src/io/",), "use a timer of io::Loop; in tests wait for the condition"),
    (re.compile(r"\bstd::(cout|cerr)\b"), ("src/app/",), "use log_info() and its like; only app/ talks to the terminal"),
    (re.compile(r"\bassert\("), (), "use ASSERT, which stays on in release"),
    (re.compile(r"\b(strcpy|strcat|sprintf|gets|atoi|atof|strtok)\("), (), "use std::string, fmt or std::from_chars"),
    (re.compile(r"\bnew\s+[A-Za-z_:]+[({]"), (), "use std::make_unique"),
    (re.compile(r"\bcatch\s*\(\s*\.\.\.\s*\)"), (), "catch what the library throws, by type"),
    (re.compile(r"\bstd::(ifstream|ofstream|filesystem)\b"), ("src/io/", "cmake/"), "use io::Files"),
    (re.compile(r"\bfor \([^;]* : (\*(?!TRY\b)[\w.>-]+\(|\w+\([^()]*\)->|[^;]*\)\.value\(\)\)(?: \{)?$)"), (),
     "name what the call returns before the loop: in C++20 a temporary ends before the first turn, and a lock with it"),
    (re.compile(r"\bGTEST_SKIP\b|\bDISABLED_"), (), "a test that does not run is not a test"),
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), (), "finish it, or write it into docs/ROADMAP.md"),
]
LINE_MAX = 140
UNIT_SECONDS_MAX = 15  # of a machine that compiles YARDSTICK in YARDSTICK_SECONDS; a slower one has so many times more
YARDSTICK = "#include <functional>\n#include <regex>\n#include <unordered_map>\nbool f() { return std::regex_match(\"a\", std::regex(\"a\")); }\n"
YARDSTICK_SECONDS = 1.25
SLOW_UNITS_MAX = 2
TESTS = re.compile(r"_(test|fuzz|bench)\.cpp$")


def offences_in(relative, text):
    is_test = bool(TESTS.search(relative))
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_MAX:
            yield f"{relative}:{number}: {len(line)} characters: at most {LINE_MAX}"
        code = line.split("//")[0] if "TODO" not in line and "FIXME" not in line else line
        for pattern, allowed, instead in BANNED:
            found = pattern.search(code)
            if not found or relative.startswith(allowed or ("\0",)):
                continue
            if "make_unique" in instead and "unique_ptr<" in code:
                continue  # a private constructor, owned at once
            if is_test and "io::Files" in instead:
                continue  # a test may look at real files behind the program's back
            yield f"{relative}:{number}: {found.group(0).strip()} is banned here: {instead}"


def tree_offences(root):
    for path in sorted([*root.glob("src/**/*.h"), *root.glob("src/**/*.cpp"), *root.glob("plant/**/*.h"), *root.glob("plant/**/*.cpp"),
                        *root.glob("bench/**/*.h"), *root.glob("bench/**/*.cpp")]):
        yield from offences_in(str(path.relative_to(root)), path.read_text(encoding="utf-8"))


def machine_factor():
    """How many times more processor time a compilation takes here than where the limit was set; at least 1."""
    times = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(["g++", "-std=gnu++23", "-O0", "-x", "c++", "-c", "-o", "/dev/null", "-"], input=YARDSTICK, text=True, check=True)
        times.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    return max(1.0, min(times) / YARDSTICK_SECONDS)


def build_offences(root, build):
    ninja = build / "build.ninja"
    if not ninja.exists():
        yield f"{ninja}: missing, so that nothing can be said of targets"
        return
    targets = ninja.read_text(encoding="utf-8")
    for path in sorted([*root.glob("src/**/*_test.cpp"), *root.glob("src/**/*_fuzz.cpp"), *root.glob("src/**/*_bench.cpp"), *root.glob("plant/**/*_test.cpp"), *root.glob("bench/**/*_test.cpp")]):
        if str(path) not in targets:
            yield f"{path.relative_to(root)}: no target builds it"
    slow = {}
    for line in (build / "compile_times.log").read_text(encoding="utf-8").splitlines():
        seconds, output = line.split(" ", 1)
        slow[output] = max(float(seconds), slow.get(output, 0))  # a later one from the cache costs nothing
    over = sum(seconds > UNIT_SECONDS_MAX for seconds in slow.values())
    limit = UNIT_SECONDS_MAX * (machine_factor() if over > SLOW_UNITS_MAX else 1)
    units = sorted(((seconds, output) for output, seconds in slow.items() if seconds > limit), reverse=True)
    for seconds, output in units[SLOW_UNITS_MAX:]:
        yield f"{output}: compiled {seconds:.0f} s, and {SLOW_UNITS_MAX} units are over {limit:.0f} s already: split it or hide its heavy header"


def self_test():
    f = lambda line, where="src/flow/a.cpp": len(list(offences_in(where, line)))
    assert f("auto t = std::chrono::system_clock::now();") == 1
    assert f("auto t = std::chrono::system_clock::now();", "src/io/clock.cpp") == 0
    assert f("std::this_thread::sleep_for(1s);", "src/flow/a_test.cpp") == 1
    assert f("x = 1;  // assert(x)") == 0
    assert f("// TODO later") == 1
    assert f("static_assert(x);") == 0
    assert f("x" * 141) == 1
    assert f("auto p = new Thing(1);") == 1
    assert f("catch (...) {") == 1


if sys.argv[1:] == ["--self-test"]:
    self_test()
    print("tidy: the checker finds planted offences")
else:
    top, built = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    bad = [*tree_offences(top), *build_offences(top, built)]
    print("\n".join(bad) or "tidy: clean")
    sys.exit(1 if bad else 0)
