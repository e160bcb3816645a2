#!/usr/bin/env python3
"""strace on the real program: between the recv of a QoS 1 PUBLISH and the send of its PUBACK lies an fdatasync that came
after the write of the log."""
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, simple_type, wait_for  # noqa: E402

MARK = 424242.125


def main():
    with Program() as program:
        simple_type(program)
        program.put("devices", "works/line1/oven", {"type": "sensor"})
        credential = program.credential("works/line1/oven")
        trace = program.folder / "trace.txt"
        tracer = subprocess.Popen(["strace", "-f", "-ttt", "-s", "200", "-e", "trace=recvfrom,read,recvmsg,sendto,sendmsg,write,writev,pwrite64,fdatasync,fsync",
                                   "-o", str(trace), "-p", str(program.process.pid)], stderr=subprocess.PIPE)
        os.set_blocking(tracer.stderr.fileno(), False)
        said = b""

        def attached():
            nonlocal said
            said += tracer.stderr.read() or b""
            return b"attached" in said

        wait_for("strace", attached, 30)
        subprocess.run(["mosquitto_pub", "-h", program.mqtt_host, "-p", str(program.mqtt_port), "-u", credential["username"], "-P", credential["password"],
                        "-q", "1", "-t", "gongshu/v1/works/line1/oven", "-m", f'{{"temperature": {MARK}}}'], check=True, timeout=60)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
        lines = trace.read_text(errors="replace").splitlines()
    received = next(i for i, line in enumerate(lines) if re.search(r"(recvfrom|read|recvmsg)\(", line) and str(MARK) in line)
    # PUBACK is 0x40 0x02: strace prints "@\2"
    acknowledged = next(i for i, line in enumerate(lines) if i > received and re.search(r"(sendto|sendmsg|write|writev)\(", line) and r'"@\2' in line)
    synced = [i for i in range(received, acknowledged) if re.search(r"(fdatasync|fsync)\(\d+\)\s+= 0|<\.\.\. (fdatasync|fsync) resumed>.*= 0", lines[i])]
    assert synced, "no sync between:\n" + "\n".join(lines[received:acknowledged + 1])
    for i in (received, synced[-1], acknowledged):
        print(lines[i][:160])
    print("recv, sync, PUBACK: in this order")


if __name__ == "__main__":
    main()
