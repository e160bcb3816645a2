#!/usr/bin/env python3
"""tools/packages.py GONGSHU OUT: builds every package of library/packages into OUT, runs its tests, of which each rule and virtual tag
needs one, and checks the files with tools/verify_package.py. They are signed by OUT/build.key, made once; who shall trust them applies OUT/build.trust.yaml."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
# Whose resources stand elsewhere in the tree.
RESOURCES = {"demo-plant": TOP / "library" / "demo"}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(part) for part in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def untried(source):
    """The rules and virtual tags that no test vector is for."""
    made = "".join(path.read_text() for path in sorted((source / "resources").glob("*.yaml")))
    names = re.findall(r"^kind: (?:rule|virtual_tag)\nname: (\S+)$", made, re.M)
    vectors = "".join(path.read_text() for path in sorted((source / "tests").glob("*.yaml")))
    return [name for name in names if not re.search(rf"^ +(?:rule|virtual_tag): {re.escape(name)}$", vectors, re.M)]


def build(gongshu, folder, out, source):
    shutil.copytree(folder, source)
    for path in sorted(RESOURCES.get(folder.name, pathlib.Path("none")).glob("*.yaml")):
        (source / "resources").mkdir(exist_ok=True)
        shutil.copy(path, source / "resources")
    if folder.name not in RESOURCES and (names := untried(source)):
        sys.exit(f"{folder}: no test vector for {', '.join(names)}")
    made = source.parent / f"{folder.name}.gspkg"
    told = run(gongshu, "package", "build", source, "--key", out / "build.key", "--out", made)
    manifest = json.loads(subprocess.run(["tar", "xOf", made, "manifest.yaml"], capture_output=True, check=True).stdout)
    path = out / f"{manifest['name']}-{manifest['version']}.gspkg"
    shutil.move(made, path)
    run(sys.executable, TOP / "tools" / "verify_package.py", path)
    print(f"{path}: {told.splitlines()[0]}")


def main():
    gongshu, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "build.key").exists():
        run(gongshu, "package", "keygen", "--name", "Gongshu build", "--out", out / "build")
    for folder in sorted((TOP / "library" / "packages").iterdir()):
        with tempfile.TemporaryDirectory() as scratch:
            build(gongshu, folder, out, pathlib.Path(scratch) / "source")


if __name__ == "__main__":
    main()
