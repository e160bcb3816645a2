"""What lies between the program and a peer over TCP: it may be cut, or stand still for a while and then carry what was held."""
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import wait_for  # noqa: E402


class Way(threading.Thread):
    """Listens at `port` and carries everything to `target`, a pair of host and port; with `context` it ends TLS, as a reverse proxy does."""

    def __init__(self, target=None, context=None):
        super().__init__(daemon=True)
        self.target, self.context = target, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = True
        self.going = threading.Event()
        self.going.set()
        self.links = set()
        self.bytes = 0
        self.start()

    def run(self):
        while True:
            link, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(link,), daemon=True).start()

    def carry(self, link):
        if not self.open or self.target is None:
            return link.close()
        self.going.wait()
        try:
            near = self.context.wrap_socket(link, server_side=True) if self.context else link
            with near, socket.create_connection(self.target, 5) as far:
                self.links |= {near, far}
                if not self.open:  # it was cut while this was being opened
                    return
                back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
                back.start()
                self.pump(near, far)
                back.join()
                self.links -= {near, far}
        except OSError:  # cut, or the peer is dead just now
            link.close()

    def pump(self, source, to):
        try:
            while data := source.recv(65536):
                self.going.wait()
                self.bytes += len(data)
                to.sendall(data)
        except (OSError, ValueError):
            pass
        try:
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        """Links end, and new ones do so at once."""
        self.open = False
        for link in list(self.links):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended already
                pass

    def pause(self):
        """Nothing goes through, and nobody is told: a cable that was pulled, a network that drops everything."""
        self.going.clear()

    def heal(self):
        self.open = True
        self.going.set()


def newest(program, tag):
    return program.get(f"/api/v1/last?tag={tag}")["series"][0]["rows"][0]


def restarts(program, what, tag, count):
    """Ours ends, by -9 every second time, and begins again."""
    worst = 0
    for cycle in range(count):
        program.kill() if cycle % 2 else program.stop()
        down = time.time_ns()
        program.start()
        up = time.time_ns()
        wait_for(f"{what}, restart {cycle + 1}: readings again", lambda: newest(program, tag)[2].startswith("good") and int(newest(program, tag)[0]) > down, 60)
        worst = max(worst, time.time_ns() - up)
    print(f"{what}: {count} restarts of ours, back after {worst / 1e9:.1f} s at most")
