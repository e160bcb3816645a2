#!/usr/bin/env python3
"""Every reason that a reader may meet has its Chinese: collects the English sentences of src (Error{…}, .context(…) and the other makers
of reasons named below), and compares them with the lists in src/words. Exit 1 if one has no Chinese or another number of parts, or if Chinese has a comma of half width."""
import pathlib
import re
import sys

TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\((?P<raw>.*?)\)(?P=mark)"|"(?P<text>(?:[^"\\\n]|\\.)*)"|'(?:[^'\\\n]|\\.)+'
    |[A-Za-z_]\w*|\d[\w'.]*|\#[^\n]*|\s+|->|::|.""", re.S | re.X)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
# Files in which every sentence is, or may be, a reason.
WHOLE = {
    "src/api/sight.cpp", "src/connect/poll_session.cpp", "src/connect/poll_session_readings.cpp", "src/connect/poll_session_commands.cpp", "src/connect/modbus_driver.cpp", "src/connect/link_test_run.cpp", "src/connect/target_policy.cpp",
    "src/connect/property_value.cpp", "src/connect/dlt645_driver.cpp", "src/connect/aibus_driver.cpp", "src/connect/fins_driver.cpp", "src/connect/free_frame_driver.cpp", "src/connect/shdr_driver.cpp", "src/connect/http_driver.cpp", "src/connect/cnc_points.cpp", "src/connect/mtconnect_driver.cpp", "src/connect/iec104_driver.cpp", "src/connect/ua_driver.cpp", "src/connect/ua_client.cpp", "src/connect/ua_value.cpp", "src/connect/s7_driver.cpp", "src/connect/mc_driver.cpp", "src/data/interval.cpp", "src/data/tag.cpp", "src/registry/names.cpp", "src/registry/json.cpp", "src/registry/shape.cpp",
    "src/wire/json_door_fault.cpp", "src/wire/json_door_time.cpp", "src/wire/json_door.cpp", "src/wire/line.cpp", "src/wire/modbus.cpp",
    "src/wire/s7.cpp", "src/wire/s7_message.cpp", "src/wire/s7_words.cpp", "src/wire/s7_address.cpp",
    "src/wire/mc_codes.cpp", "src/wire/mc_frame.cpp",
    "src/wire/iec104.cpp", "src/wire/iec104_types.cpp", "src/wire/iec104_asdu.cpp", "src/wire/iec104_words.cpp", "src/wire/iec104_client.cpp", "src/wire/iec104_point.cpp",
    "src/wire/sparkplug.cpp", "src/wire/sparkplug_topic.cpp", "src/broker/sparkplug_node.cpp", "src/broker/sparkplug_host.cpp",
    "src/importer/record_reader.cpp", "src/importer/text_decoder.cpp", "src/importer/mapper.cpp", "src/broker/ingest.cpp",
    "src/io/address.cpp", "src/backup/backup.cpp", "src/backup/backups.cpp", "src/api/write_handlers.cpp", "src/api/connection.cpp", "src/registry/auth.cpp", "src/registry/staging.cpp",
    "src/wire/json_map.cpp", "src/wire/dlt645.cpp", "src/wire/aibus.cpp", "src/wire/fins.cpp", "src/wire/free_frame.cpp", "src/wire/prom.cpp", "src/wire/batch.cpp", "src/wire/pattern.cpp", "src/api/intake.cpp", "src/registry/database.cpp", "src/importer/history_target.cpp", "src/io/tls.cpp",
}
# Functions that make a reason of what they are given.
MAKERS = {"Error", "context", "os_error", "tls_error", "refuse", "fail", "fault", "wrong", "problem", "problem_with_status", "close_with", "bury"}
# Not reasons: the log, the numbers, what is wrong with the program itself.
OTHERS = re.compile(r"log_\w+|ASSERT|static_assert|counter|gauge|printf|fprintf|header|push_back")
# Where nobody reads a page: (beginning of the path, why).
UNREAD = [
    ("src/app/", "the terminal and the log, in English"),
    ("src/wire/mqtt", "broken packets: the log and MQTT's own reason strings, in English"),
    ("src/wire/pg", "what PostgreSQL's clients are told over its protocol, in English"),
    ("src/wire/scram", "what PostgreSQL's clients are told over its protocol, in English"),
    ("src/pg/", "what PostgreSQL's clients are told over its protocol, in English"),
    ("src/registry/scram", "the log, in English"),
    ("src/wire/websocket", "broken frames: the log and the reason of a close frame, in English"),
    ("src/ledger/verify", "the terminal, in English"),
    ("src/ledger/record", "the terminal and the log, in English"),
    ("src/broker/connection", "MQTT's reason strings, in English"),
    ("src/io/sim", "simulated, for tests; says what the real one says"),
    ("src/history/power_test.h", "for tests"),
    ("src/history/store_test.h", "for tests"),
    ("src/registry/test_world.h", "for tests"),
    ("src/registry/kind_of.h", "a fault of the program"),
    ("src/registry/holidays", "a fault of the data that the program carries, found by its test"),
    ("src/calendar/holidays", "a fault of the data that the program carries, found by its test"),
    ("src/registry/openapi", "the description of the interface, in English"),
    ("src/expr/compile", "says its reasons by messages.cpp"),
    ("src/expr/messages.cpp", "has its own Chinese beside it"),
]
# Sentences that nobody reads, each with why.
UNREAD_SENTENCES = {
    "history needs at least one lane": "a fault of the program",
    "flow needs at least one lane": "a fault of the program",
    "connections need at least one lane": "a fault of the program",
    "connections need a target policy": "a fault of the program",
    "a file in memory can only be read": "a fault of the program",
    "the server ends this session": "a close frame, in English",
    "too slow": "a close frame, in English",
    "expected text": "a close frame, in English",
    "HTTP/1.1 100 Continue\r\n\r\n": "no reason",
    "no transaction is active": "what the database says, looked for",
    'dbname="{}" vfs={}': "no reason",
    " and {} more": "stands within \"{} and {} more\"",
    "a type of a shape": "a fault of the program",
    **{name: "a metric of Sparkplug, by its name" for name in ("Node Control/Rebirth", "Node Control/Reboot", "Node Control/Next Server",
                                                               "Device Control/Rebirth", "Device Control/Reboot")},
    "0number ": "no reason", "\\u0000number ": "no reason",
    "a check changes nothing": "a fault of the program",
    "cannot register SQLite's file layer: {}": "a fault of the program, at the start",
    "a subscriber of changes tried to change something itself; it must do so from elsewhere": "a fault of the program",
}


def tokens(text):
    """(line, "text" | "token", what), literals that stand beside each other as one."""
    out, line = [], 1
    for found in TOKEN.finditer(text):
        word, at = found.group(0), line
        line += word.count("\n")
        if word.isspace() or word.startswith(("//", "/*", "#")):
            continue
        literal = found.group("raw")
        if literal is None and found.group("text") is not None:
            literal = re.sub(r"\\(x[0-9a-fA-F]{2}|.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), found.group("text"))
        if literal is None:
            out.append((at, "token", word))
        elif out and out[-1][1] == "text":
            out[-1] = (out[-1][0], "text", out[-1][2] + literal)
        else:
            out.append((at, "text", literal))
    return out


def group_end(list_, i):
    depth = 0
    while i < len(list_):
        if list_[i][1] == "token" and list_[i][2] in "([{":
            depth += 1
        if list_[i][1] == "token" and list_[i][2] in ")]}":
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return len(list_)


def sentences_in(list_, begin, end):
    """Literals of an expression; "a" + x + "b" is "a{}b"."""
    i, sum_, at = begin, [], 0

    def done():
        escaped = [part if part == "{}" else part.replace("{", "{{").replace("}", "}}") for part in sum_]
        text = "".join(sum_ if "{}" not in sum_ else escaped) if any(part != "{}" for part in sum_) else ""
        return (at, re.sub(r"(\{\})+$|^(\{\})+", "{}", text)) if text else None

    while i < end:
        line, what, word = list_[i]
        if what == "text":
            sum_, at = [*sum_, word], line
        elif word in "([{":
            close = group_end(list_, i)
            name = list_[i - 1][2] if i > 0 and list_[i - 1][1] == "token" else ""
            inner = [] if OTHERS.fullmatch(name) else list(sentences_in(list_, i + 1, close))
            yield from inner
            i = close
        elif word in ",;?:=" or word in ("return", "<", ">", "&", "|", "!"):
            if (made := done()) is not None:
                yield made
            sum_ = []
        elif word == "+":
            before, after = list_[i - 1], list_[i + 1] if i + 1 < end else (0, "", "")
            if before[1] != "text" and (not sum_ or sum_[-1] != "{}"):
                sum_ = [*sum_, "{}"]
            if after[1] not in ("text", "") and sum_:
                sum_ = [*sum_, "{}"]
        i += 1
    if (made := done()) is not None:
        yield made


def is_sentence(text):
    return " " in text and re.search(r"[a-z]{2}", text) and not re.match(r"\s*(select|insert|update|delete|create|pragma|vacuum|begin) ", text, re.I)


def reasons_of(path, text):
    """(line, sentence) of a file."""
    list_ = tokens(text)
    seen = set()
    if path in WHOLE:
        found = sentences_in(list_, 0, len(list_))
        for line, sentence in found:
            if is_sentence(sentence) and sentence not in seen:
                seen.add(sentence)
                yield line, sentence
    for i, (line, what, word) in enumerate(list_):
        if what != "token" or word not in MAKERS or i + 1 >= len(list_) or list_[i + 1][2] not in "({":
            if not (what == "token" and word in MAKERS and i + 2 < len(list_) and list_[i + 2][2] in "({" and word == "Error"):
                continue
        open_ = i + 1 if list_[i + 1][2] in "({" else i + 2
        if any(kind == "text" and "\u4e00" <= text[:1] <= "\u9fff" for _, kind, text in list_[open_ : group_end(list_, open_)]):
            continue  # says it in Chinese beside
        for at, sentence in sentences_in(list_, open_ + 1, group_end(list_, open_)):
            if is_sentence(sentence) and sentence not in seen:
                seen.add(sentence)
                yield at, sentence


def parts_of(format_):
    return len(re.findall(r"\{[^{}]*\}", format_.replace("{{", "").replace("}}", "")))


def chinese_of(root):
    """English -> Chinese as the lists in src/words have it."""
    known = {}
    for path in sorted(root.glob("src/words/*.cpp")):
        if path.name.endswith(("_test.cpp", "_fuzz.cpp")):
            continue
        list_ = tokens(path.read_text(encoding="utf-8"))
        for i in range(len(list_) - 4):
            if (list_[i][2], list_[i + 1][1], list_[i + 2][2], list_[i + 3][1], list_[i + 4][2]) == ("{", "text", ",", "text", "}"):
                known[list_[i + 1][2]] = list_[i + 3][2]
    return known


def offences(root):
    known = chinese_of(root)
    for path in sorted([*root.glob("src/**/*.cpp"), *root.glob("src/**/*.h")]):
        relative = str(path.relative_to(root))
        if not path.name.endswith(("_test.cpp", "_fuzz.cpp", "_bench.cpp")):
            yield from half_width(relative, path.read_text(encoding="utf-8"))
        if path.name.endswith(("_test.cpp", "_fuzz.cpp", "_bench.cpp")) or "/testing/" in relative or relative.startswith("src/words/"):
            continue
        if relative.startswith(tuple(beginning for beginning, _ in UNREAD)):
            continue
        for line, sentence in reasons_of(relative, path.read_text(encoding="utf-8")):
            if sentence in UNREAD_SENTENCES:
                continue
            if sentence not in known:
                yield f"{relative}:{line}: no Chinese in src/words for: {sentence!r}"
            elif parts_of(sentence) != parts_of(known[sentence]):
                yield f"{relative}:{line}: the Chinese of {sentence!r} has another number of parts"


# A comma or the like of half width between Chinese words; a colon may stand in what is to be written so: 主机:端口.
HALF = re.compile("[\u4e00-\u9fff\u201d\uff09][,;](?=[\u4e00-\u9fff\u201c])")


def half_width(relative, text):
    for line, what, word in tokens(text):
        if what == "text" and (found := HALF.search(word)) is not None:
            yield f"{relative}:{line}: half-width \"{found.group(0)[-1]}\" within Chinese: {word!r}"


def self_test():
    f = lambda code, where="src/flow/a.cpp": [s for _, s in reasons_of(where, code)]
    assert f('return Error{Code::invalid, "the line has {} " "fields", n};') == ["the line has {} fields"]
    assert f('auto r = x().context("cannot read {}", path);') == ["cannot read {}"]
    assert f('return Error{Code::io, "{}: {}", a, near.empty() ? "" : "; did you mean \\"" + near + "\\"?"};') == ['; did you mean "{}"?']
    assert f('log_warning("a", "it is so");') == []
    assert f('const Error wrong{Code::invalid, "it is so"};') == ["it is so"]
    assert f('return "it is so";', "src/data/tag.cpp") == ["it is so"]
    assert parts_of("a {} {{b}} {:02x}") == 2
    assert len(list(half_width("a.cpp", 'f("目录,磁盘", "目录，磁盘 a, b", "a,b");  // 目录,磁盘'))) == 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        print("words: the checker finds planted offences")
    else:
        bad = list(offences(pathlib.Path(sys.argv[1])))
        print("\n".join(bad) or "words: every reason has its Chinese")
        print(f"words: {len(bad)} to do") if bad else None
        sys.exit(1 if bad else 0)
