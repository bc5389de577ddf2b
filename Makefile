# `make demo` and `make test` do all the set-up that a fresh Debian machine with Python, Node.js
# and make needs; nothing is done twice while what it depends on has not changed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PYTEST_ARGS ?= -n auto
unexport PYTHONDONTWRITEBYTECODE  # tests start many processes, which would each compile all modules

RUNTIME_PACKAGES := fontconfig fonts-dejavu-core fonts-noto-cjk fonts-noto-color-emoji libopus0
TEST_PACKAGES := $(RUNTIME_PACKAGES) chromium-headless-shell openssh-server inetutils-telnetd busybox-static \
	postgresql mariadb-server redis-server nginx-light krb5-kdc krb5-admin-server krb5-user libkrb5-dev \
	tigervnc-standalone-server tigervnc-tools x11vnc xvfb xclip xterm qemu-system-x86 x11-apps x11-utils x11-xserver-utils \
	wayvnc sway grim wl-clipboard wev \
	tigervnc-scraping-server libvncserver-dev gcc libc6-dev iproute2 \
	xrdp xorgxrdp freerdp2-shadow-x11 winpr-utils libfreerdp-client2-2 freerdp2-dev weston pulseaudio \
	pebble coturn ffmpeg ghostscript unzip ttyrec

.PHONY: help demo test lint types contracts format bench docs proto install check clean

help:
	@echo "make demo       try guacr on this machine"
	@echo "make test       run all tests"
	@echo "make lint       style, types and import contracts"
	@echo "make check      what CI runs"
	@echo "make bench      run all benchmarks"
	@echo "make docs       write docs/parameters.md anew"
	@echo "make proto      compile control.proto anew"
	@echo "make clean      remove everything that was made here"

demo: $(STAMPS)/install system-demo
	$(BIN)/guacr demo

test: $(STAMPS)/dev $(STAMPS)/npm system-test $(STAMPS)/kerberos $(STAMPS)/freerdp3
	$(BIN)/pytest $(PYTEST_ARGS)

lint: $(STAMPS)/dev types contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/dev
	$(BIN)/mypy

contracts: $(STAMPS)/dev
	$(BIN)/lint-imports

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMPS)/dev
	$(BIN)/python -m benchmarks

docs: $(STAMPS)/dev
	$(BIN)/python -m guacr.cli.paramdoc > $(STAMPS)/parameters.md
	mv $(STAMPS)/parameters.md docs/parameters.md

proto: $(STAMPS)/dev
	$(BIN)/python -m grpc_tools.protoc -I guacr/operators/rpc control.proto \
		--descriptor_set_out=guacr/operators/rpc/control.binpb

install: $(STAMPS)/install

check:
	.ci/run

clean:
	rm -rf $(VENV) node_modules guacr/web/vendor build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find guacr handlers terminal tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# ---- set-up, each step once

$(STAMPS)/venv:
	@$(PYTHON) -c "import ensurepip, venv" || .ci/packages python3-venv
	@command -v npm >/dev/null || .ci/packages nodejs npm
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/install: $(STAMPS)/venv pyproject.toml setup.py package.json package-lock.json
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/install
	$(BIN)/pip install --quiet --group dev
	@touch $@

$(STAMPS)/npm: $(STAMPS)/venv package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# It is built here, with headers that are among the packages of the tests.
$(STAMPS)/kerberos: $(STAMPS)/install | system-test
	@$(BIN)/pip install --quiet "gssapi>=1.9,<2" && touch $@ || \
		echo "gssapi cannot be built here: the tests of Kerberos are left out" >&2

# A second version for the tests of RDP.
$(STAMPS)/freerdp3: $(STAMPS)/venv .ci/freerdp3 | system-test
	@.ci/freerdp3 $(VENV)/freerdp3 && touch $@ || \
		echo "FreeRDP 3 cannot be unpacked here: the tests with it are left out" >&2

.PHONY: system-demo system-test
system-demo:
	@.ci/packages $(RUNTIME_PACKAGES)

system-test:
	@.ci/packages $(TEST_PACKAGES)
