#!/usr/bin/env python3
"""What tools/package.sh makes of the release program: the fields and files of the .deb, nothing outside its places, no secrets and no
path of this machine, a service that runs with the options file it brings, an archive with the same program, and twice the same bytes.
Installing is tests/install.sh's."""
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
VERSION = re.search(r'kVersion = "(.*)"', (SOURCE / "src/app/version.h").read_text()).group(1)
PLACES = re.compile(r"(etc/gongshu/gongshu\.yaml|usr/bin/gongshu|usr/lib/gongshu/lib[\w.+-]+\.so\.[\d.]+|usr/lib/gongshu/libduckdb\.so|usr/lib/systemd/system/gongshu\.service"
                    r"|usr/share/doc/gongshu/.+|usr/share/gongshu/units/udunits2[\w-]*\.xml|usr/share/man/man1/gongshu\.1\.gz)$")
GLIBC_MOST = (2, 36)  # Debian 12


def run(*command, **options):
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def check_control(deb):
    fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "-f", deb).splitlines() if re.match(r"[A-Z][\w-]*: ", line))
    assert fields["Package"] == "gongshu" and fields["Version"] == VERSION and fields["Architecture"] == "amd64", fields
    depends = {one.split()[0] for one in fields["Depends"].split(", ")}
    assert depends == {"libc6", "libgcc-s1", "libstdc++6", "passwd", "tzdata"}, fields["Depends"]


def check_files(folder, listing):
    for line in listing.splitlines():
        mode, owner, name = line.split()[0], line.split()[1], line.split(None, 5)[5]
        assert owner == "root/root", line
        assert mode in ("drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"), line
        assert mode[0] == "d" or PLACES.match(name.removeprefix("./")), f"outside the places of the package: {line}"
    places = [f"{SOURCE}/{name}/".encode() for name in ("src", "plant", "build", "web")]
    for path in (one for one in folder.rglob("*") if one.is_file() and "DEBIAN" not in one.parts):
        assert not re.search(r"\.(key|pem|p12)$|password|token|id_rsa", path.name), path
        content = path.read_bytes()
        assert not any(one in content for one in places), f"{path} tells where it was built: {SOURCE}"
        if path.name not in ("gongshu", "libduckdb.so"):  # these can read and write keys
            assert b"PRIVATE KEY" not in content, path
    control = folder / "DEBIAN"
    assert (control / "conffiles").read_text() == "/etc/gongshu/gongshu.yaml\n"
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", control / script)
    for line in (control / "md5sums").read_text().splitlines():
        told, name = line.split("  ", 1)
        assert hashlib.md5((folder / name).read_bytes()).hexdigest() == told, name


def check_unit(folder):
    unit = (folder / "usr/lib/systemd/system/gongshu.service").read_text()
    for line in ("User=gongshu", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=gongshu", "LimitNOFILE=1048576", "Restart=always",
                 "StartLimitIntervalSec=0", "WantedBy=multi-user.target", "CapabilityBoundingSet=", "StandardOutput=null"):
        assert line in unit.splitlines(), line
    assert re.search(r"^After=.*local-fs\.target.*time-sync\.target", unit, re.M), unit
    start = re.search(r"^ExecStart=(.*)", unit, re.M).group(1).split()
    assert start[1] == "serve" and all((folder / one.lstrip("/")).exists() for one in start if one.startswith("/")), start
    return start


def check_needs(program):
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    machine = {"linux-vdso.so.1", "libstdc++.so.6", "libgcc_s.so.1", "libc.so.6", "libm.so.6", "/lib64/ld-linux-x86-64.so.2", "libpthread.so.0"}
    beside = str(program.parent.parent / "lib/gongshu")
    for line in told.splitlines():
        name = line.split()[0]
        assert name in machine or beside in str(pathlib.Path(line.split()[2]).resolve()), f"not beside the program: {line}"
    asked = {tuple(map(int, one.split("."))) for one in re.findall(r"GLIBC_([\d.]+)", run("objdump", "-T", program))}
    assert max(asked) <= GLIBC_MOST, max(asked)


def check_service(folder, start, work):
    """The command line of the unit with its own options file, its places moved into `work`."""
    options = (folder / "etc/gongshu/gongshu.yaml").read_text()
    moved = re.sub(r"/(var|run)/", f"{work}/\\1/", options).replace(":8080", ":0").replace(":1883", ":0")
    (work / "var/lib/gongshu").mkdir(parents=True)
    (work / "var/log").mkdir(parents=True)
    (work / "run/gongshu").mkdir(parents=True)
    (work / "gongshu.yaml").write_text(moved)
    # Neither the units of this machine nor its language may matter.
    process = subprocess.Popen([folder / start[0].lstrip("/"), *start[1:-1], work / "gongshu.yaml"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env={"LC_ALL": "tr_TR.UTF-8"})
    ready = work / "run/gongshu/ready.json"
    end = time.monotonic() + 60
    try:
        while not ready.exists():
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < end, "not ready after 60 s"
            time.sleep(0.05)
        maps = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        assert f"{folder}/usr/lib/gongshu/libfmt" in maps, maps
        assert (work / "var/lib/gongshu/keys").stat().st_mode & 0o777 == 0o700
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0, process.returncode
    assert list((work / "var/log/gongshu").iterdir()), "no log file"


def check_archive(archive, program):
    name = f"gongshu-{VERSION}-linux-amd64"
    with tarfile.open(archive) as tar:
        for one in tar.getmembers():
            assert one.name == name or one.name.startswith(name + "/"), one.name
            assert one.uid == one.gid == 0 and (one.issym() or not one.mode & 0o6022), one.name
            assert not one.issym() or one.linkname == "bin/gongshu", one.linkname
        assert tar.extractfile(f"{name}/bin/gongshu").read() == program, "the archive has another program than the .deb"
        names = set(tar.getnames())
    for want in ("gongshu", "README.md", "LICENSE", "copyright", "lib/gongshu/libstdc++.so.6", "lib/gongshu/libduckdb.so", "libraries/npm-duckdb", "share/gongshu/units/udunits2.xml"):
        assert f"{name}/{want}" in names, want


def main():
    with tempfile.TemporaryDirectory(prefix="gongshu-package-") as made:
        work = pathlib.Path(made)
        env = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        run(SOURCE / "tools/package.sh", "--out", work / "one", env=env)
        deb = next((work / "one").glob("*.deb"))
        check_control(deb)
        run("dpkg-deb", "-R", deb, work / "files")
        check_files(work / "files", run("dpkg-deb", "-c", deb))
        start = check_unit(work / "files")
        program = work / "files/usr/bin/gongshu"
        check_needs(program)
        check_service(work / "files", start, work / "machine")
        check_archive(next((work / "one").glob("*.tar.gz")), program.read_bytes())
        # Another folder, time zone and mask of rights.
        run("sh", "-c", 'umask 077; exec "$0" --out "$1"', SOURCE / "tools/package.sh", work / "two", env={**env, "TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8"})
        for one in sorted((work / "one").iterdir()):
            assert one.read_bytes() == (work / "two" / one.name).read_bytes(), f"{one.name} differs from run to run"
    print("the package holds what it should, its service starts, and two runs give the same bytes")


if __name__ == "__main__":
    sys.exit(main())
