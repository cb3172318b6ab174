# Each target makes the environment that it needs and then calls the same command as a user would.
#
#   make extract DATA=cifar10        the features of a data set, into cache/resnet50
#   make train                       a linear head on them
#
# DATA      a folder, or digits, cifar10          BACKBONE  a model of keras.applications
# CACHE     the store (cache/BACKBONE)            ARGS      further options of the command
# EXTRAS    tensorflow or gpu                     VENV      the environment (an active one is used)

DATA ?= digits
# digits are 8x8 pixels, and weights cannot be had everywhere: the smallest network, random weights.
ifeq ($(DATA),digits)
BACKBONE ?= mobilenetv2
WEIGHTS ?= --weights random:0 --size 32 --rows float32
else
BACKBONE ?= resnet50
WEIGHTS ?=
endif
CACHE ?= cache/$(BACKBONE)
ARGS ?=

PYTHON ?= python3
VENV ?= $(or $(VIRTUAL_ENV),.venv)
EXTRAS ?= $(if $(shell nvidia-smi -L 2>/dev/null),gpu,tensorflow)
BIN := $(VENV)/bin
RUN := $(BIN)/python -m bottleneck

.DEFAULT_GOAL := help
.PHONY: help install extract train status test check bench clean

help:
	@echo "make install   the environment $(VENV), with the extra $(EXTRAS)"
	@echo "make extract   features of DATA=$(DATA) by BACKBONE=$(BACKBONE) into CACHE=$(CACHE)"
	@echo "make train     a head from CACHE=$(CACHE)"
	@echo "make status    what CACHE=$(CACHE) holds"
	@echo "make test      the tests; make check: lint, format, types, architecture"
	@echo "make bench     the figures of the README, on this machine"
	@echo "make clean     build outputs and caches of tools; never a store"
	@echo "options of the commands go in ARGS: make extract DATA=cifar10 ARGS=\"--limit 1000\""

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed: make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# One stamp a set of extras; newer than pyproject.toml means installed.
$(VENV)/.bottleneck-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

install: $(VENV)/.bottleneck-$(EXTRAS)

extract: install
	$(RUN).extract --data $(DATA) --backbone $(BACKBONE) --cache $(CACHE) $(WEIGHTS) $(ARGS)

train: install
	$(RUN).train --cache $(CACHE) $(ARGS)

status: install
	$(RUN).status --cache $(CACHE) $(ARGS)

# The tests of good neighbourhood want pandas 2 as well; it lives in a folder of its own.
$(VENV)/pandas2: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $@ 'pandas>=2.2,<3' xarray

test: $(VENV)/.bottleneck-$(EXTRAS) $(VENV)/.bottleneck-test $(VENV)/pandas2
	BOTTLENECK_PANDAS2=$(abspath $(VENV)/pandas2) $(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.bottleneck-check $(VENV)/.bottleneck-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(VENV)/.bottleneck-$(EXTRAS) $(VENV)/.bottleneck-test
	$(BIN)/python scripts/bench/run.py $(ARGS)

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bottleneck tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
