# Two commands: `make demo` and `make test`. Each does its own set-up in .venv on a machine with Python 3.11 or newer.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-all test-devices lint clean

demo: $(VENV)/.installed
	$(BIN)/livebg demo demo

# The device lab runs alone: the emulator takes all cores.
test: lint
	$(BIN)/pytest -m "not slow and not devices"
	$(BIN)/pytest -m devices tests/devicelab

test-all: lint
	$(BIN)/pytest

# A real webcam and a real virtual camera inside an emulator. `make test` runs it too; where it cannot, it says why.
test-devices: $(VENV)/.installed-dev
	$(BIN)/pytest -m devices tests/devicelab

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Debian's Python without its package python3-venv makes an environment only without pip; pip then enters by itself.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "livebg needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing livebg and what it needs into $(VENV) (torch alone takes minutes the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing livebg, what it needs and its test tools into $(VENV) (torch alone takes minutes the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) demo
