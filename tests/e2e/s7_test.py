#!/usr/bin/env python3
"""The codec of S7 against others, over real sockets: npm's nodes7 and Snap7's client speak to our CPU, our client to Snap7's server.
Snap7 is built here from the sources that npm's node-snap7 carries (in a few seconds, once).

    s7_test.py build/dev/tests/s7_peer
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = SOURCE / "tests/clients"
SNAP7 = CLIENTS / "node_modules/node-snap7"
PEER = SOURCE / "tests/peers/snap7_peer.cpp"
FOLDERS = [SNAP7 / "src", SNAP7 / "deps/snap7/src/core", SNAP7 / "deps/snap7/src/lib", SNAP7 / "deps/snap7/src/sys"]


def build_snap7(folder):
    """The program snap7_peer; what was built from the same sources is taken as it is."""
    sources = [PEER, SNAP7 / "src/snap7.cpp", *sorted(source for each in FOLDERS[1:] for source in each.glob("*.cpp"))]
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    program = folder / f"snap7_peer-{stamp}"
    if program.exists():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["-O1", "-w", "-fPIC", *[f"-I{each}" for each in FOLDERS]]
    objects = [folder / f"{source.stem}.o" for source in sources]

    def compile_one(pair):
        subprocess.run(["g++", *flags, "-c", str(pair[0]), "-o", str(pair[1])], check=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, zip(sources, objects)))
    unfinished = folder / f"{program.name}.{os.getpid()}"
    subprocess.run(["g++", "-o", str(unfinished), *map(str, objects), "-pthread", "-lrt"], check=True)
    unfinished.rename(program)
    return program


class Server:
    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()
        assert self.first, f"{command[0]} ended with {self.process.wait(10)}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def expect(what, got, want):
    assert got == want, f"{what}:\n  {got!r}\nbut expected\n  {want!r}"


def nodes7_reads_and_writes(port):
    run = subprocess.run(["node", str(CLIENTS / "s7_client.mjs")], env={**os.environ, "GONGSHU_S7_PORT": str(port)}, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["connected"], told
    expect("nodes7's values", told["read"], {"bad": False, "values": {
        "DB2,REAL0": 25.5, "DB2,INT4": -7, "DB2,DINT6": 123456789, "DB2,X10.3": True, "DB2,X10.4": False, "DB2,S12.10": "O102",
        "DB2,LREAL24": 0.1, "MW10": 4660, "M0.1": True, "M0.2": False}})
    expect("many bytes", told["many"], {"bad": False, "values": {f"DB1,BYTE{i * 8}": i * 8 % 256 for i in range(120)}})
    missing = told["missing"]
    assert missing["bad"] and missing["values"]["DB2,REAL0"] == 25.5, missing
    assert all(str(missing["values"][name]).startswith("BAD") for name in ("DB9,INT0", "DB3,INT0", "DB2,INT99")), missing
    assert not told["written"], "nodes7 says that a write failed"
    back = told["back"]["values"]
    assert abs(back.pop("DB2,REAL40") - 7.71) < 1e-6, back
    expect("what it wrote", back, {"DB2,INT44": -300, "DB2,X46.5": True, "DB2,X46.4": False, "DB1,BYTE199": 56, "DB1,BYTE200": 200, "QB1": 170,
                                   "DB2,S50.10": "green"})


def our_client_speaks_to_snap7(peer, snap7):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lines = [
        ("read DB2.DBD0 real number", "DB2.DBD0 = 25.5"),
        ("read DB2.DBB12 string[10] text", "DB2.DBB12 = O102"),
        ("read DB1.DBW254 uint integer", "DB1.DBW254 = 65279"),
        ("read DB1.DBB990 byte integer", "DB1.DBB990 = 222"),
        ("read M0.1 bool boolean", "M0.1 = true"),
        ("read M0.2 bool boolean", "M0.2 = false"),
        ("read T0 s5time integer", "T0 = 127000"),
        ("read C0 counter integer", "C0 = 42"),
        ("read DB9.DBW0 int integer", "DB9.DBW0: DB9, byte 0 (2 bytes): code 0x0a (there is no such data block"),
        ("read DB2.DBD98 real number", "DB2.DBD98: DB2, byte 98 (4 bytes): code 0x05 (the address is out of range"),
        *[(f"read DB1.DBB{i * 37} byte integer", f"DB1.DBB{i * 37} = {i * 37 % 256}") for i in range(25)],
        ("write DB2.DBD40 real number 7.71", "DB2.DBD40 written"),
        ("write DB2.DBX44.5 bool boolean true", "DB2.DBX44.5 written"),
        ("write DB2.DBB12 string[10] text green", "DB2.DBB12 written"),
        ("who", "6ES7 315-2EH14-0AB0 | V3.2.6 | CPU 315-2 PN/DP | SNAP7-SERVER"),
        ("write DB1.DBB100 char[600] text " + "x" * 599, "DB1.DBB100 written"),
    ]
    after = [
        ("read DB2.DBD40 real number", "DB2.DBD40 = 7.71"),
        ("read DB1.DBB100 char[600] text", "DB1.DBB100 = " + "x" * 599),
        ("read DB1.DBB699 byte integer", "DB1.DBB699 = 0"),
        ("read DB1.DBB700 byte integer", "DB1.DBB700 = 188"),
        ("read DB2.DBB44 byte integer", "DB2.DBB44 = 32"),
        ("read DB2.DBB12 string[10] text", "DB2.DBB12 = green"),
        ("write DB2.DBB60 dtl text 2026-03-01T15:30:59.5", "DB2.DBB60 written"),
        ("read DB2.DBB60 dtl text", "DB2.DBB60 = 2026-03-01T15:30:59.5"),
        ("write QB1 byte integer 170", "QB1 written"),
        ("read Q1.7 bool boolean", "Q1.7 = true"),
        ("write DB9.DBW0 int integer 1", "DB9.DBW0: DB9, byte 0 (2 bytes): code 0x0a"),
        ("who", "6ES7 315-2EH14-0AB0"),
    ]
    with Server(snap7, "serve", port):
        for part, pdu in ((lines, "960"), (after, "240"), (after, "64")):
            run = subprocess.run([peer, "talk", f"127.0.0.1:{port}", "03.02", pdu], input="".join(line + "\n" for line, _ in part), capture_output=True, text=True, timeout=60)
            assert run.returncode == 0, run.stderr
            told = run.stdout.splitlines()
            assert told and told[0].startswith("agreed "), told
            for got, (line, want) in zip(told[1:], part):
                assert got.startswith(want), f"{line}: {got!r}, expected {want!r}"
            expect("answers", len(told) - 1, len(part))
    return told[0], told[-1]


def main():
    peer = sys.argv[1]
    snap7 = build_snap7(pathlib.Path(peer).resolve().parent / "snap7")
    with Server(peer, "serve") as cpu:
        nodes7_reads_and_writes(json.loads(cpu.first)["port"])
    with Server(peer, "serve") as cpu:
        run = subprocess.run([snap7, "talk", str(json.loads(cpu.first)["port"])], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0 and run.stdout == "ok\n", run.stdout + run.stderr
    agreed, who = our_client_speaks_to_snap7(peer, snap7)
    print(f"nodes7 and Snap7 read and write our CPU; our client theirs ({agreed}; {who})")


if __name__ == "__main__":
    main()
