#!/usr/bin/env python3
"""--lan: pages and MQTT on a private address, TLS by the program's own authority, plain MQTT only when asked for.

Runs in a network namespace of its own, whose only private address is 10.77.0.1."""
import os
import pathlib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Program, simple_type, wait_for  # noqa: E402

ADDRESS = "10.77.0.1"


def enter_namespace():
    """Starts this file anew as root of an empty network; comes back only if the system does not let us."""
    setup = f'ip addr add {ADDRESS}/32 dev lo && ip link set lo up && exec "$@"'
    tried = subprocess.run(["unshare", "-rn", "sh", "-c", setup, "sh", "true"], capture_output=True, text=True)
    if tried.returncode == 0:
        os.execvp("unshare", ["unshare", "-rn", "sh", "-c", setup, "sh", sys.executable, __file__, "inside"])
    print(f"NOT TESTED: this system lets nobody make a network namespace: {tried.stderr.strip()}")


def publish(program, port, *options, credential):
    return subprocess.run(
        ["mosquitto_pub", "-h", ADDRESS, "-p", str(port), "-u", credential["username"], "-P", credential["password"], "-q", "1",
         "-t", "gongshu/v1/plant/m1", "-m", '{"temperature": 21.5}', *options], capture_output=True, text=True, timeout=60)


def port_of(program, scheme):
    return next((door.rsplit(":", 1)[1] for door in program.ready["lan"] if door.startswith(scheme + "://")), None)


def main():
    with Program(args=["--lan", "--insecure", "mqtt"]) as program:
        https, mqtts, plain = (port_of(program, scheme) for scheme in ("https", "mqtts", "mqtt"))
        assert https and mqtts and plain, program.ready["lan"]
        page = f"https://{ADDRESS}:{https}"

        # A phone that trusts nothing yet fetches the authority and compares what the console says of it.
        blind = ssl.create_default_context()
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        with urllib.request.urlopen(f"{page}/ca.crt", context=blind, timeout=60) as answer:
            assert answer.headers["Content-Type"] == "application/x-x509-ca-cert"
            authority = program.folder / "fetched.crt"
            authority.write_bytes(answer.read())
        told = subprocess.run(["openssl", "x509", "-in", authority, "-noout", "-fingerprint", "-sha256"], capture_output=True, text=True, check=True).stdout
        console = program.tail(200)
        assert told.strip().split("=")[1] in console, (told, console)
        assert f"{page}/ca.crt" in console and "█▀" in console, console

        # With it browsers and clients trust the server; without it they do not.
        with urllib.request.urlopen(f"{page}/healthz", context=ssl.create_default_context(cafile=str(authority)), timeout=60) as answer:
            assert answer.status == 200
        try:
            urllib.request.urlopen(f"{page}/healthz", context=ssl.create_default_context(), timeout=60)
            raise AssertionError("a certificate of nobody known was trusted")
        except urllib.error.URLError as error:
            assert "CERTIFICATE_VERIFY_FAILED" in str(error), error

        simple_type(program)
        program.put("sites", "plant", {"title_en": "Plant", "time_zone": "Asia/Shanghai"})
        program.put("devices", "plant/m1", {"type": "sensor"})
        credential = program.credential("plant/m1")
        for port, options in ((mqtts, ["--cafile", str(authority)]), (plain, [])):
            sent = publish(program, port, *options, credential=credential)
            assert sent.returncode == 0, sent
        wait_for("the value", lambda: (program.last("plant/m1.temperature") or [None])[0] == 21.5)
        refused = publish(program, plain, credential={**credential, "password": "wrong"})
        assert refused.returncode != 0 and "bad user name or password" in refused.stderr, refused
        assert publish(program, mqtts, credential=credential).returncode != 0, "plain MQTT on the port of TLS"
        assert program.stop() == 0

    with Program(args=["--lan"]) as program:
        assert not port_of(program, "mqtt") and port_of(program, "mqtts"), program.ready["lan"]
    print("pages and MQTT of the plant's network are open with TLS, and trusted with the authority that was fetched")


if __name__ == "__main__":
    if sys.argv[1:] != ["inside"]:
        enter_namespace()
    else:
        main()
