# Thin: each target is one line over tools/ and the presets of CMakePresets.json. `make help` lists them.
.DEFAULT_GOAL := build
SHELL := /bin/bash
DATA ?= $(HOME)/.local/share/gongshu-demo
export CCACHE_SLOPPINESS ?= pch_defines,time_macros

.PHONY: help deps deps-test build web demo test asan tsan bench fuzz lint format clean bare package packages image install-test arm64 arm64-test

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

deps: ## install what building and running needs (Debian packages, npm)
	@tools/deps.sh build

deps-test: ## install what testing needs besides
	@tools/deps.sh build test

web: deps ## build the web pages into build/web
	@tools/web.sh

build: web ## build the program: build/release/gongshu
	@tools/build.sh release gongshu

package: build ## what can be installed: a .deb and an archive in build/package
	@tools/build.sh release gongshu_bundled && tools/package.sh

packages: build ## the packages of library/packages, tested and signed by a key of this build: build/packages
	@/usr/bin/python3 tools/packages.py build/release/gongshu build/packages

demo: build ## run the platform with a simulated plant, offline
	@build/release/gongshu demo --data $(DATA) $(ARGS)

test: deps-test web ## every test: units with sanitizers, the real program, the real page
	@tools/test.sh

asan: deps-test web ## units under AddressSanitizer and UBSan
	@tools/build.sh dev all && ctest --preset dev -L fast $(ARGS)

tsan: deps-test web ## units under ThreadSanitizer
	@tools/build.sh tsan all && ctest --preset tsan -L fast $(ARGS)

bench: build ## speed beside its floor and the rivals; draws docs/benchmarks.md
	@tools/build.sh release all && tools/bench.sh

fuzz: ## fuzzers with clang 19, 60 s each (SECONDS_EACH=…)
	@tools/deps.sh build test lint && tools/fuzz.sh

lint: ## clang-tidy 19, floors, banned calls
	@tools/deps.sh build test lint && tools/lint.sh

format: ## clang-format over the C++ tree
	@tools/deps.sh lint && git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

bare: ## the README's lines in an empty Debian 12 (needs root and mmdebstrap)
	@tests/bare.sh

image: package ## the OCI image in build/package, without Docker (needs root and mmdebstrap)
	@tools/image.sh

arm64: web ## the archive for arm64, made on this machine (needs root and mmdebstrap)
	@tools/arm64.sh

arm64-test: ## run it here, emulated (needs root, mmdebstrap and qemu-user-static)
	@tests/arm64.sh

install-test: package ## install, open, upgrade and remove it in bare Debian 12 and 13 (needs root and mmdebstrap)
	@tests/install.sh

clean: ## remove what was built
	rm -rf build web/dist
