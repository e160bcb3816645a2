"""What a power cut leaves: rebuilds a data folder from what tests/e2e/forget_shim.cpp saw synced."""
import os
import pathlib
import shutil


class ForgetfulDisk:
    """Runs programs over `root` so that cut() can take away everything that was written but not synced."""

    def __init__(self, root, shadow, library, lie=False):
        self.root, self.shadow, self.library, self.lie = pathlib.Path(root), pathlib.Path(shadow), library, lie
        self.root.mkdir(parents=True, exist_ok=True)
        (self.shadow / "inodes").mkdir(parents=True, exist_ok=True)
        (self.shadow / "names").mkdir(parents=True, exist_ok=True)

    def environment(self):
        return {**os.environ, "LD_PRELOAD": str(self.library), "FORGET_ROOT": str(self.root), "FORGET_SHADOW": str(self.shadow),
                "FORGET_LIE": "1" if self.lie else "0"}

    def _names(self, folder):
        listing = self.shadow / "names" / str(folder).replace("/", "%")
        if not listing.exists():
            return []
        rows = listing.read_text().splitlines()[1:]
        return [(row.split(" ", 2)[0], row.split(" ", 2)[1], row.split(" ", 2)[2]) for row in rows]

    def _rebuild(self, folder, into, inodes):
        into.mkdir(parents=True, exist_ok=True)
        for kind, inode, name in self._names(folder):
            if kind == "d":
                self._rebuild(folder / name, into / name, inodes)
            else:
                twin = self.shadow / "inodes" / inode
                if twin.exists():
                    shutil.copyfile(twin, into / name)
                else:
                    (into / name).touch()
                inodes[into / name] = True

    def cut(self):
        """The power is gone and back: `root` now holds what was synced, and that counts as synced from here on."""
        rebuilt = self.root.with_name(self.root.name + ".rebuilt")
        shutil.rmtree(rebuilt, ignore_errors=True)
        files = {}
        self._rebuild(self.root, rebuilt, files)
        shutil.rmtree(self.root)
        rebuilt.rename(self.root)
        shutil.rmtree(self.shadow)
        (self.shadow / "inodes").mkdir(parents=True)
        (self.shadow / "names").mkdir(parents=True)
        self._adopt(self.root)

    def _adopt(self, folder):
        rows = [str(folder)]
        for entry in sorted(folder.iterdir()):
            rows.append(f"{'d' if entry.is_dir() else 'f'} {entry.stat().st_ino} {entry.name}")
            if entry.is_dir():
                self._adopt(entry)
            else:
                shutil.copyfile(entry, self.shadow / "inodes" / str(entry.stat().st_ino))
        (self.shadow / "names" / str(folder).replace("/", "%")).write_text("\n".join(rows) + "\n")
