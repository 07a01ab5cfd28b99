# One door to everything: make demo, make test, make bench, make lint, make clean.
# The environment lives in .venv and is made from the lock files; a second call finds its stamps and starts at once.
# ARGS reaches the program behind the target: make demo ARGS="--seconds 40 --no-browser --json".

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
VENV := .venv
BIN := $(VENV)/bin
# Our own wheels are hashed in the lock files; nothing may come in beside them.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.runtime-installed
TOOLS := $(VENV)/.tools-installed
ARGS ?=
# Tests start hundreds of programs of ours: where nobody may write what was compiled, each compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all test-scale exhaustive browser pictures bench big-ledger bundle wheels pyinfra fuzz faults outage corpus hostile-cards fleet cluster-faults robot test-robot lint firmware witness-attacks wasm clean env lock lock37 agent37 system37 deploy37

demo: $(RUNTIME)
	@$(BIN)/wachhund demo $(ARGS)

# What anybody runs before a commit; `test-all` adds the tests marked thorough, and is what .ci/run runs. In two runs of
# pytest: two at once of what may run beside others, then the rest. ARGS="tests/unit/host/web -k word" or any other of pytest's
test: $(TOOLS)
	@$(BIN)/python -m tests.suite -m "not thorough and not exhaustive and not matrix" $(ARGS)

test-all: $(TOOLS)
	@$(BIN)/python -m tests.suite -m "not matrix and not exhaustive" $(ARGS)

# The host's tests on what many machines share: ledgers on a PostgreSQL server of the run's own, three real NATS nodes where
# robots come in, and workers. On two cores 12 min. Longer ones: ARGS="-m thorough tests/system/integrity"
SCALE_UNITS := $(addprefix tests/unit/host/,ledger intake judge web reports notify people keeping alerts authorise baseline \
  rulebook audit exports witness fleet)
SCALE_PROCESSES := tests/system/cluster tests/system/integrity tests/system/host/test_intake.py \
  $(addprefix tests/system/delivery/,test_kills.py test_last_will.py test_secrets.py)
test-scale: $(TOOLS)
	@WACHHUND_TEST_ENGINE=cluster $(BIN)/python -m tests.suite -m "not thorough and not exhaustive and not matrix" $(or $(ARGS),$(SCALE_UNITS) $(SCALE_PROCESSES))

# Each step of each act on a robot killed, each value of the API asked, long backlogs: before a release, as root; 40 min.
exhaustive: $(TOOLS)
	@$(BIN)/python -m tests.suite -m exhaustive $(ARGS)

# Every page on desk and phone, dark and light, in Chromium with axe.
browser: $(TOOLS)
	@$(BIN)/python -m pytest -m matrix tests/browser $(ARGS)

# The pictures in docs/, from a running demo, as root: look at them before they are committed.
pictures: $(TOOLS)
	@$(BIN)/python -m tests.pictures
	@$(BIN)/python -m tests.page_pictures

bench: $(TOOLS)
	@$(BIN)/python -m tests.bench $(ARGS)

# wachhund-fleet: thousands of robots with real keys and connections against a host of its own, or one that serves.
# ARGS="serve --robots 1000 --attacks 5 --seconds 120 --json FILE", or --help
fleet: $(TOOLS)
	@$(BIN)/python -m tests.fleet $(ARGS)

# A ledger of 5 GB filled, moved to a PostgreSQL server, and checked before and after: 15 min on a machine of one's own,
# 25 GB of disk. As root or in a folder that user postgres can reach. FOLDER=/var/tmp/big ARGS="--gb N --keep"
FOLDER ?= /var/tmp/wachhund-big-ledger
big-ledger: $(TOOLS)
	@$(BIN)/python -m tests.big_ledger $(FOLDER) $(ARGS)

# Every parser of bytes that others wrote; coverage-guided. ARGS="--cases N --only NAME --json FILE"
VENV_FUZZ := .venv-fuzz
$(VENV_FUZZ)/.installed: tests/fuzz/requirements.lock agent/pyproject.toml | $(BIN)/python
	@[ -x $(VENV_FUZZ)/bin/python ] || $(BIN)/python -m venv $(VENV_FUZZ)
	@$(VENV_FUZZ)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r tests/fuzz/requirements.lock
	@$(VENV_FUZZ)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation -e agent
	@touch $@

fuzz: $(VENV_FUZZ)/.installed
	@$(VENV_FUZZ)/bin/python -m tests.fuzz $(ARGS)

# What deploy/pyinfra is run by, for its test and for whoever has no pyinfra: its libraries are not the host's.
VENV_PYINFRA := .venv-pyinfra
$(VENV_PYINFRA)/.installed: deploy/pyinfra/requirements.lock | $(BIN)/python
	@[ -x $(VENV_PYINFRA)/bin/python ] || $(BIN)/python -m venv $(VENV_PYINFRA)
	@$(VENV_PYINFRA)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r deploy/pyinfra/requirements.lock
	@touch $@

pyinfra: $(VENV_PYINFRA)/.installed

# Notifications whose receivers are away for ten real minutes while the host is killed; `make test` has 12 s of it.
outage: $(TOOLS)
	@WACHHUND_OUTAGE_S=600 $(BIN)/python -m pytest tests/system/host/test_notify.py $(ARGS)

# 10,000 faults in one process, 500 with real processes that are killed. ARGS="--seed N --in-process N --kills N --resume FILE"
faults: $(TOOLS)
	@$(BIN)/python -m tests.faults $(ARGS)

# 200 rounds of a cluster whose nodes, workers, PostgreSQL and wires are killed and cut, as root; 40 min.
# ARGS="--rounds N --seed N --only KIND"
cluster-faults: $(TOOLS)
	@$(BIN)/python -m tests.cluster_faults $(ARGS)

# 10,000 hostile images of cards, each read as an audit reads it. ARGS="--cases N --seed N --jobs N --only KIND"
hostile-cards: $(TOOLS)
	@$(BIN)/python -m tests.hostile_cards $(ARGS)

# The attack corpus, as root: acts, judges, prints the confusion table; fails while a scene is not judged as it must be.
# ARGS="--seed N --only NAME --jobs N --recorded" (--recorded judges what is kept and needs no root)
corpus: $(TOOLS)
	@$(BIN)/python -m tests.robots.attacks $(ARGS)

# dist/*.run for robots and for the operators' machine, and dist/SHA256SUMS; signed with WACHHUND_RELEASE_KEY (a file).
# ARGS="--out DIR --key FILE --agent-only"
bundle: $(TOOLS)
	@PYTHONPATH=deploy/installer $(BIN)/python -m deploy.bundling $(ARGS)

# dist/wheels: the host, the agent's package and all libraries, for pipx on a server (docs/server.md). ARGS="--out DIR"
wheels: $(TOOLS)
	@PYTHONPATH=deploy/installer $(BIN)/python -m deploy.bundling --wheels $(ARGS)

# A whole arm64 machine in QEMU, without KVM; its disk is made once, as root. ARGS="--build-only --mirror URL"
robot: $(TOOLS)
	@PYTHONPATH=deploy/installer $(BIN)/python -m tests.robots.virtual $(ARGS)

# The life of a robot on it, from its first audit to its card's first start, each step with its seconds; fails at the first
# that is not as it must be.
test-robot: $(TOOLS)
	@PYTHONPATH=deploy/installer $(BIN)/python -m tests.robots.virtual --walk $(ARGS)

# A board's MicroPython, as its stubs describe it, stands in the place of CPython's library: a folder of its own.
$(VENV)/stubs-%/.installed: firmware_hooks/lint/%.lock | $(BIN)/python
	@$(PIP) install --require-hashes --upgrade --target $(@D) -r $<
	@touch $@

# The witness, compiled for both boards (sizes), and the long forms of its tests on MicroPython. ARGS="--statements N --lines N"
firmware: $(TOOLS)
	@$(BIN)/python -m tests.unit.firmware $(ARGS)

# MicroPython's WebAssembly port, on which the firmware's logic and vectors are tried too; needs npm and node.
WASM := $(VENV)/wasm
$(WASM)/.installed: | $(BIN)/python
	@npm install --prefix $(WASM) --no-save --no-package-lock --no-fund --no-audit --silent @micropython/micropython-webassembly-pyscript@1.27.0
	@touch $@

wasm: $(WASM)/.installed

# What root on the Pi can try against a witness, each done with the firmware on MicroPython; prints the table, and fails
# where one is neither noticed as docs/witness.md says nor harmless. ARGS="--only WORD"
witness-attacks: $(TOOLS)
	@PYTHONPATH=firmware_hooks $(BIN)/python -m tests.witness_attacks $(ARGS)

lint: $(TOOLS) $(VENV)/stubs-rp2/.installed $(VENV)/stubs-esp32/.installed
	$(BIN)/ruff check .
	$(BIN)/mypy host/wachhund
	cd agent && ../$(BIN)/mypy --config-file mypy.ini --python-version 3.11 wachhund_agent wachhund_evidence
	cd firmware_hooks && ../$(BIN)/mypy --config-file mypy-rp2.ini main.py witness boards/pico_w.py
	cd firmware_hooks && ../$(BIN)/mypy --config-file mypy-esp32.ini main.py witness boards/esp32.py
	$(BIN)/mypy -p deploy.bundling -p wachhund_install -p wachhund_seal -p wachhund_unpack

env: $(TOOLS)

$(BIN)/python:
	@python=; \
	for candidate in $(PYTHON) python3.11 python3 python3.12 python3.13; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: no Python 3.11 or newer found: install one (Debian: apt-get install python3 python3-venv) or say make PYTHON=/path/to/python3" >&2; exit 2; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "make: $$python cannot make environments: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 2; \
	fi; \
	"$$python" -m venv $(VENV)

$(RUNTIME): host/requirements.lock host/pyproject.toml agent/pyproject.toml | $(BIN)/python
	@echo "Preparing $(VENV) (once; needs a package index) ..."
	@$(PIP) install --require-hashes -r host/requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e agent -e host
	@touch $@

$(TOOLS): $(RUNTIME) tests/requirements.lock
	@$(PIP) install --require-hashes -r tests/requirements.lock
	@touch $@

# The robot's side on the robot's Python. PYTHON37=/path/to/python3.7
PYTHON37 ?= python3.7
VENV37 := .venv37
$(VENV37)/.installed: agent/requirements.lock agent/lint.lock agent/pyproject.toml
	@"$(PYTHON37)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 7))' 2>/dev/null || \
	  { echo "make: $(PYTHON37) is not a Python 3.7: say make agent37 PYTHON37=/path/to/python3.7" >&2; exit 2; }
	@[ -x $(VENV37)/bin/python ] || "$(PYTHON37)" -m venv $(VENV37)
	@$(VENV37)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r agent/requirements.lock -r agent/lint.lock
	@$(VENV37)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation -e agent
	@touch $@

agent37: $(VENV37)/.installed
	cd agent && ../$(VENV37)/bin/python -m mypy --config-file mypy.ini wachhund_agent wachhund_evidence
	cd deploy/installer && ../../$(VENV37)/bin/python -m mypy --config-file ../../agent/mypy.ini -p wachhund_install -p wachhund_seal
	$(VENV37)/bin/python -m pytest tests/unit/evidence tests/unit/agent $(ARGS)

# The same on real processes: today's tests, with the agent under the robot's Python.
system37: $(VENV37)/.installed $(TOOLS)
	WACHHUND_AGENT_PYTHON=$(CURDIR)/$(VENV37)/bin/python $(BIN)/python -m pytest tests/system/sensing tests/system/delivery $(ARGS)

# Onto a robot and off it again, with the robot's Python and a systemd of its age: SYSTEMD=FOLDER, docs/flash.md.
deploy37: $(TOOLS)
	WACHHUND_SYSTEMD=$(abspath $(SYSTEMD)) WACHHUND_AGENT_PYTHON=$$($(PYTHON37) -c 'import sys; print(sys.executable)') $(BIN)/python -m pytest tests/system/deploy $(ARGS)

# New pins. Look at the difference before you commit it: what is in a lock file runs on robots.
COMPILE := pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
lock: $(BIN)/python
	@$(PIP) install pip-tools
	$(BIN)/python .ci/dependencies.py | $(BIN)/$(COMPILE) --output-file host/requirements.lock -
	$(BIN)/$(COMPILE) --output-file tests/requirements.lock tests/requirements.in
	$(BIN)/$(COMPILE) --output-file tests/fuzz/requirements.lock tests/fuzz/requirements.in
	$(BIN)/$(COMPILE) --output-file deploy/pyinfra/requirements.lock deploy/pyinfra/requirements.in
	$(BIN)/$(COMPILE) --output-file firmware_hooks/lint/rp2.lock firmware_hooks/lint/rp2.in
	$(BIN)/$(COMPILE) --output-file firmware_hooks/lint/esp32.lock firmware_hooks/lint/esp32.in

lock37: | $(VENV37)/.installed
	@$(VENV37)/bin/python -m pip --disable-pip-version-check --quiet install pip-tools
	$(VENV37)/bin/$(COMPILE) --resolver=backtracking --output-file agent/requirements.lock agent/requirements.in
	$(VENV37)/bin/$(COMPILE) --resolver=backtracking --output-file agent/lint.lock agent/lint.in

clean:
	rm -rf $(VENV) $(VENV37) $(VENV_FUZZ) $(VENV_PYINFRA) agent/*.egg-info host/*.egg-info agent/build host/build
	find . -name .git -prune -o -type d \( -name __pycache__ -o -name .pytest_cache -o -name .mypy_cache -o -name .ruff_cache -o -name .hypothesis \) -prune -exec rm -rf {} +
