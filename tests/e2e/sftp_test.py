#!/usr/bin/env python3
"""Backups carried to another machine by SFTP, against OpenSSH's own server: only to the host whose key was accepted, whole or not at all,
healed after a link that was cut, and back again by `gongshu restore`. The server is `sshd -i` as this very user, behind a relay of ours
that can cut or freeze the link."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PROGRAM, Program, wait_for  # noqa: E402

SSHD = "/usr/sbin/sshd"
USER = pwd.getpwuid(os.geteuid()).pw_name


class Server:
    """Where copies go: `files` is what /~/ is there. cut_after: so many bytes towards it, and the link is cut."""

    def __init__(self):
        assert pathlib.Path(SSHD).exists(), "openssh-server is missing: tools/deps.sh test"
        if os.geteuid() == 0:  # where a server of root puts its child that may do nothing
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gongshu-sshd-"))
        self.files = self.folder / "files"
        self.files.mkdir()
        for name in ("host", "user", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self.folder / name)], check=True)
        shutil.copy(self.folder / "user.pub", self.folder / "authorized_keys")
        (self.folder / "config").write_text(
            f"HostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            f"PidFile none\nLogLevel ERROR\nSubsystem sftp internal-sftp -d {self.files}\n")
        self.fingerprint = subprocess.run(["ssh-keygen", "-lf", str(self.folder / "host.pub")], capture_output=True, text=True, check=True).stdout.split()[1]
        self.cut_after, self.frozen, self.ending, self.links, self.connections = None, False, False, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def url(self, path):
        return f"sftp://{USER}@127.0.0.1:{self.port}{path}"

    def serve(self):
        while not self.ending:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            near, far = socket.socketpair()
            daemon = subprocess.Popen([SSHD, "-i", "-f", str(self.folder / "config")], stdin=far, stdout=far, stderr=subprocess.DEVNULL, start_new_session=True)
            far.close()
            link = (client, near, daemon)
            self.links.append(link)
            threading.Thread(target=self.pump, args=(link, client, near, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(link, near, client, False), daemon=True).start()

    def pump(self, link, source, target, towards):
        count = 0
        try:
            while data := source.recv(65536):
                while self.frozen:
                    time.sleep(0.02)
                count += len(data)
                if towards and self.cut_after is not None and count > self.cut_after:
                    break
                target.sendall(data)
        except OSError:
            pass
        self.end(link)

    @staticmethod
    def end(link):
        client, near, daemon = link
        for one in (client, near):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        try:
            os.killpg(daemon.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        daemon.wait()

    def close(self):
        self.ending, self.frozen = True, False
        self.listener.close()
        for link in self.links:
            self.end(link)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def command(*arguments):
    return subprocess.run([str(PROGRAM), *[str(one) for one in arguments]], capture_output=True, text=True, timeout=300)


def make(program):
    """A backup here, and what became of its copy: (name, the target's state once that try has ended)."""
    time.sleep(1)  # a backup is named by its second
    password = program.folder / "password"
    done = subprocess.run([str(PROGRAM), "backup", "--user", "admin", "--password-file", str(password)], capture_output=True, text=True,
                          timeout=300, env={"GONGSHU_URL": program.url})
    assert done.returncode == 0, done
    name = pathlib.Path(done.stdout.split(" is whole")[0]).name

    def ended():
        state = program.get("/api/v1/admin/backups")["target"]
        return state if not state["running"] and state["name"] == name or state["problem"] and not state["running"] else None
    return name, wait_for("the try to copy it", ended, 60)


def check_trust(server):
    """Never to a host that was not accepted, never with a key that it does not know; each refusal says what to do."""
    there = server.files / "trust"
    there.mkdir()
    for args, want in (
            ((), f"shows the key {server.fingerprint}, and no key of it was accepted yet"),
            (("--backup-target-host-key", "SHA256:" + "A" * 43), f"shows the key {server.fingerprint}, not the accepted SHA256:AAAA"),
            (("--backup-target-host-key", server.fingerprint, "--backup-target-key", server.folder / "stranger"), "does not let us in with the key")):
        key = () if "--backup-target-key" in args else ("--backup-target-key", server.folder / "user")
        with Program(args=[str(one) for one in ("--backup-target", server.url("/~/trust"), *key, *args)]) as program:
            _, state = make(program)
            assert want in state["problem"] and not state["sent"], state
            assert state["folder"] == server.url("/~/trust"), state
            assert "gongshu_backup_target_behind 1" in program.call("GET", "/metrics", raw=True).decode()
            finding = next(one for one in program.get("/api/v1/doctor")["findings"] if one["id"] == "backup_target")
            assert finding["grade"] == "warning" and "sftp://" in finding["text_en"] and "SSH" in finding["fix_zh"], finding
    assert not list(there.iterdir()), list(there.iterdir())


def check_options(server):
    with tempfile.TemporaryDirectory() as made:
        def refused(want, *arguments):
            done = command("serve", "--data", f"{made}/data", *arguments)
            assert done.returncode != 0 and want in done.stderr, done
        url = server.url("/~/x")
        refused("needs --backup-target-key", "--backup-target", url)
        refused("not both", "--backup-target", url, "--backup-target-key", "k", "--backup-target-password-file", "p")
        refused("no fingerprint", "--backup-target", url, "--backup-target-key", "k", "--backup-target-host-key", "abc")
        refused("a password does not belong", "--backup-target", "sftp://me:secret@nas/x", "--backup-target-key", "k")
        refused("not for SFTP", "--backup-target", url, "--backup-target-key", "k", "--backup-target-mount")
        refused("only for --backup-target sftp://", "--backup-target", "/nas", "--backup-target-key", "k")


def check_copies(server):
    there = server.files / "copies"
    login = ["--backup-target-key", str(server.folder / "user"), "--backup-target-host-key", server.fingerprint]
    with Program(args=["--backup-target", server.url("/~/copies"), "--backup-keep", "2", *login]) as program:
        _, state = make(program)
        assert "is not there; make the folder" in state["problem"], state
        there.mkdir()
        (there / "photos").mkdir()  # none of ours

        # The link is cut in the middle, at several places: what is left has no name of a backup.
        for count in (30_000, 80_000, 150_000):
            server.cut_after = count
            _, state = make(program)
            assert state["problem"] and not state["sent"], (count, state)
            left = [one.name for one in there.iterdir() if one.name != "photos"]
            assert all(".sending" in one for one in left), left
            assert count < 100_000 or left, "nothing was on its way"
        server.cut_after = None
        name, state = make(program)
        assert state["sent"] == name and state["problem"] == "", state
        assert sorted(one.name for one in there.iterdir()) == [name, "photos"]
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=there / name, check=True, timeout=60)
        here = pathlib.Path(f"{program.data}.backups") / name
        assert subprocess.run(["diff", "-r", "-x", "PROVED", str(here), str(there / name)], timeout=60).returncode == 0

        # The oldest go.
        second, _ = make(program)
        third, state = make(program)
        assert state["sent"] == third, state
        assert sorted(one.name for one in there.iterdir()) == sorted([second, third, "photos"])

        # A copy that hangs does not hold the server's end.
        server.frozen = True
        time.sleep(1)
        connections = server.connections
        done = subprocess.run([str(PROGRAM), "backup", "--user", "admin", "--password-file", str(program.folder / "password")],
                              capture_output=True, text=True, timeout=300, env={"GONGSHU_URL": program.url})
        assert done.returncode == 0, done
        wait_for("the next try", lambda: server.connections > connections)
        assert program.get("/api/v1/admin/backups")["target"]["running"]
        begin = time.monotonic()
        assert program.stop() == 0
        assert time.monotonic() - begin < 15, f"{time.monotonic() - begin:.1f} s to stop"
        server.frozen = False

        log = (program.folder / "log.txt").read_text(errors="replace")
        body = (server.folder / "user").read_text().splitlines()[1:-1]
        assert not any(line in log for line in body), "the key is in the log"

        # And back: looked at, restored, verified.
        url = server.url(f"/~/copies/{third}")
        checked = command("restore", url, "--check", *login)
        assert checked.returncode == 0 and "all as they were written" in checked.stdout, checked
        which = command("restore", server.url("/~/copies"), "--check", *login)
        assert which.returncode != 0 and f"{third}, {second}" in which.stderr, which
        unknown = command("restore", url, "--check", *login[:2])
        assert unknown.returncode != 0 and server.fingerprint in unknown.stderr, unknown
        restored = command("restore", url, "--data", program.folder / "restored", *login)
        assert restored.returncode == 0, restored
        verified = command("verify", "--data", program.folder / "restored", "--key-folder", program.folder / "keys")
        assert verified.returncode == 0 and "0 problems" in verified.stdout, verified
        content = bytearray((there / third / "registry/registry.db").read_bytes())
        content[len(content) // 2] ^= 1
        (there / third / "registry/registry.db").write_bytes(content)
        damaged = command("restore", url, "--data", program.folder / "damaged", *login)
        assert damaged.returncode != 0 and "is not as it was written" in damaged.stderr, damaged
        assert not (program.folder / "damaged").exists()


def main():
    with Server() as server:
        check_options(server)
        check_trust(server)
        check_copies(server)
    print("backups go to another machine by SFTP, whole or not at all, and come back")


if __name__ == "__main__":
    main()
