#!/usr/bin/env python3
"""The pages that the program itself serves, over the running demo, in headless Chromium: web/tests with two opposite
variants (Chinese, light, desktop; English, dark, phone), or one of them: `--project zh-light-desktop`. Pictures are left in
build/pages."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import PASSWORD, PROGRAM, SOURCE, Program, wait_for  # noqa: E402


def main():
    with Program("demo") as program:
        wait_for("an alarm for the pages to show", lambda: program.get("/api/v1/alarms?state=active")["alarms"], 120)
        packages = program.folder / "packages-of-the-library"
        subprocess.run([sys.executable, str(SOURCE / "tools/packages.py"), str(PROGRAM), str(packages)], check=True, stdout=subprocess.DEVNULL)
        run = sys.argv[sys.argv.index("--project") + 1] if "--project" in sys.argv else "all"
        environment = {**os.environ, "PAGES_RUN": run, "GONGSHU_PACKAGES": str(packages), "BASE_URL": program.url, "GONGSHU_USER": "admin", "GONGSHU_PASSWORD": PASSWORD}
        subprocess.run(["npm", "run", "--silent", "test:pages", "--", *sys.argv[1:]], cwd=SOURCE / "web", env=environment, check=True)


if __name__ == "__main__":
    main()
