# Two commands are all a newcomer needs: `make demo` and `make test`. Both set up .venv first, from the locks.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)
OTHER ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python3.13; do $$p -c 'import sys, venv, ensurepip' 2>/dev/null && { echo $$p; exit; }; done)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
SECONDS_TO_SHOW ?= 20

.PHONY: demo page example directory test check bench campaign fuzz soak broker-loss e2e-vm trials-vm lock clean help

help:
	@echo 'make demo    virtual devices and a real gateway: readings become records before your eyes'
	@echo 'make page    the same with the local page and two people, until it is stopped'
	@echo 'make test    the whole suite, on Python 3.11 and, where present, 3.13'
	@echo 'make check   linter, formatter, type checker'
	@echo 'make bench   figures: codecs, records, journal, start-up, export, draining to a broker'
	@echo 'make campaign      everything that can go wrong between device and consumer: ROUNDS=500 SEED=1'
	@echo 'make fuzz          octets that nobody would send, led by coverage: FUZZ="--seconds 60 glucose"'
	@echo 'make soak          the daemon among twenty devices and a bluetoothd that fails: MINUTES=30 SEED=1'
	@echo 'make broker-loss   what a broker loses that is killed, by its settings'
	@echo 'make e2e-vm        a real kernel in a virtual machine: a cuff and a meter through bluetoothd, meters with USB cables: RUNS=1'
	@echo 'make trials-vm     what happens to Bluetooth in a home, on the bluetoothds of two Debians: RUNS=1'
	@echo 'make deb           Debian packages for bookworm and trixie, in dist/; make deb-test tries them in clean roots (needs root)'
	@echo 'make homeassistant what Home Assistant is told, against the schemas of a real one (needs Python 3.13)'
	@echo 'make example config.example.toml, made of the models'
	@echo 'make directory which devices are read, made of drivers, catalog and captures'
	@echo 'make lock    renew the locks (needs uv)'

demo: $(VENV)/run.stamp
	$(BIN)/health-gateway demo --seconds $(SECONDS_TO_SHOW)

# The models are the documentation: after changing one.
example: $(VENV)/run.stamp
	$(BIN)/python -m gateway.example >config.example.toml.new
	mv config.example.toml.new config.example.toml

# After a change to a driver, its captures or the catalog.
directory: $(VENV)/dev.stamp
	$(BIN)/python -m tests.support.directory

page: $(VENV)/run.stamp
	$(BIN)/health-gateway demo --page

test: $(VENV)/dev.stamp servers
	$(BIN)/python -m pytest -n $(WORKERS)
ifneq ($(OTHER),)
	$(MAKE) --no-print-directory test-other homeassistant
endif

# Real servers that tests run against, and the packages they come from.
.PHONY: servers
servers:
	@tests/install mosquitto:mosquitto dbus-daemon:dbus pg_ctlcluster:postgresql chromium:chromium

# What Home Assistant is told, against the schemas of a real one, which wants a Python and libraries of its own.
HOMEASSISTANT := .venv-homeassistant
.PHONY: homeassistant
homeassistant: $(VENV)/dev.stamp $(HOMEASSISTANT)/stamp
	$(BIN)/python -m tests.homeassistant | $(HOMEASSISTANT)/bin/python tests/homeassistant/schemas.py

$(HOMEASSISTANT)/stamp: tests/homeassistant/requirements.lock
	$(or $(OTHER),$(error Home Assistant needs Python 3.13: install it, or name it with OTHER=)) -m venv --clear $(HOMEASSISTANT)
	$(HOMEASSISTANT)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/homeassistant/requirements.lock
	@touch $@

# Packages for two Debians, in dist/; deb-test tries them in clean roots (needs root).
.PHONY: deb deb-test
deb: $(VENV)/dev.stamp
	systemd/debian/build bookworm
	systemd/debian/build trixie

deb-test: $(VENV)/dev.stamp
	@tests/install mmdebstrap:mmdebstrap lintian:lintian
	systemd/debian/try bookworm
	systemd/debian/try trixie

.PHONY: test-other
test-other:
	@if [ "$$($(BIN)/python -c 'import sys; print(sys.version_info[1])')" != 13 ]; then \
	  $(MAKE) --no-print-directory VENV=.venv-3.13 PYTHON=$(OTHER) OTHER= test; fi

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev.stamp servers
	@tests/install mosquitto_sub:mosquitto-clients
	$(BIN)/python -m tests.bench

campaign: $(VENV)/dev.stamp servers
	$(BIN)/python -m tests.campaign $(or $(ROUNDS),500) $(SEED)

# Ten minutes and a million inputs for each family of decoders: make fuzz FUZZ="--seconds 60 glucose"
fuzz: $(VENV)/dev.stamp
	$(BIN)/python -m tests.fuzz $(FUZZ)

soak: $(VENV)/dev.stamp servers
	PATH=$$PATH:/usr/sbin $(BIN)/python -m tests.soak --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

broker-loss: $(VENV)/dev.stamp servers
	PATH=$$PATH:/usr/sbin $(BIN)/python -m tests.loss $(or $(THINGS),5000)

e2e-vm: $(VENV)/dev.stamp
	@tests/install qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs cpio:cpio
	$(BIN)/python -m tests.e2e --runs $(or $(RUNS),1) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.e2e --scenario cables --runs $(or $(RUNS),1) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.e2e --scenario service --runs $(or $(RUNS),1) $(if $(SEED),--seed $(SEED))

# A home's Bluetooth, lived through on two Debians, four minutes each; and the wake window beside a plain script.
trials-vm: $(VENV)/dev.stamp
	@tests/install qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap mke2fs:e2fsprogs cpio:cpio
	$(BIN)/python -m tests.e2e --scenario trials --runs $(or $(RUNS),1) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.e2e --scenario trials --suite trixie --runs $(or $(RUNS),1) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.e2e --scenario wake $(if $(SEED),--seed $(SEED))

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq python3 python3-venv; \
	  else echo 'health-gateway needs Python 3.11 or newer with venv: install the packages python3 and python3-venv'; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' --extra sim --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' --extra sim --extra collect --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	printf 'homeassistant==2025.4.4\npaho-mqtt\n' | uv pip compile -q --python-version 3.13 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command 'make lock' - -o tests/homeassistant/requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' -c requirements.lock pyproject.toml -o systemd/debian/requirements.lock

clean:
	rm -rf .venv .venv-3.13 .venv-homeassistant .mypy_cache .ruff_cache .pytest_cache dist
