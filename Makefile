# Each target makes the environment that it needs and then calls the same command as a user would.
#
#   make demo                        the whole thing in a minute, with no download but the packages
#   make extract DATA=cifar10        the features of a data set, into cache/resnet50
#   make train DATA=cifar10          a linear head from that store
#
# DATA      a folder, or digits, cifar10          BACKBONE  mini, or a model of keras.applications
# CACHE     the store (cache/BACKBONE)            ARGS      further options of the command
# EXTRAS    what of pyproject.toml is installed   VENV      the environment (an active one is used)
# PYTHON    what makes the environment

DATA ?= digits
# Digits and `mini` are in the package, so `make extract` alone works anywhere.
BACKBONE ?= $(if $(filter digits,$(DATA)),mini,resnet50)
CACHE ?= cache/$(BACKBONE)
ARGS ?=

PYTHON ?= python3
comma := ,
VENV ?= $(or $(VIRTUAL_ENV),.venv)
GPU := $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu)
# What computes features and trains the linear head; with a GPU, that is TensorFlow.
LIGHT := $(or $(GPU),openvino),plots
FULL := $(or $(GPU),openvino$(comma)tensorflow),plots
ifneq ($(origin EXTRAS),undefined)
LIGHT := $(EXTRAS)
FULL := $(EXTRAS)
endif
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN := $(BIN)/python -m bottleneck
INSTALLED := $(VENV)/.bottleneck-$(or $(FULL),core)
INSTALLED_LIGHT := $(VENV)/.bottleneck-$(or $(LIGHT),core)
# The other heads train with TensorFlow.
NETWORKS := dense conv tail
TRAINING := $(if $(filter $(NETWORKS) $(NETWORKS:%=--head=%),$(ARGS)),$(INSTALLED),$(INSTALLED_LIGHT))

quoted = $(if $(word 2,$1),'$1',$1)
more = $(if $(strip $1), $1)
# $(call recent,PYTHON,ADVICE)
recent = $1 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "error: Python 3.11 or newer is needed: $1: $2" >&2; exit 2; }

.DEFAULT_GOAL := help
.PHONY: help install demo extract train status schedule fast test clusters objects check docs soak bench clean
.NOTPARALLEL:        # two installers in one environment break it
.DELETE_ON_ERROR:    # half an environment is none

help:
	@echo "make demo      the whole thing in a minute: digits, mini, a head, ten changes"
	@echo "make install   the environment $(VENV), with $(or $(FULL),no extra)"
	@echo "make extract   features of DATA=$(DATA) by BACKBONE=$(BACKBONE) into CACHE=$(CACHE)"
	@echo "make train     a head from CACHE=$(CACHE)"
	@echo "make status    what CACHE=$(CACHE) holds"
	@echo "make schedule  a crontab line that brings the stores of this folder up to date every night"
	@echo "make fast      the quick tests, about two minutes: most need no framework"
	@echo "make test      all tests; make check: lint, format, types, architecture"
	@echo "make clusters  the tests of Dask and Ray, which it installs apart"
	@echo "make objects   the tests of stores and images in buckets, with a server of its own"
	@echo "make docs      docs/commands.md, docs/api.md and the README's picture, from the code"
	@echo "make soak      the long trials of faults, kills and nights: hours"
	@echo "make bench     the figures of docs/measured.md, on this machine"
	@echo "make clean     build outputs and caches of tools; never a store"
	@echo "options of the commands go in ARGS: make extract DATA=cifar10 ARGS=\"--limit 1000\""

$(BIN)/python:
	@$(call recent,$(PYTHON),make PYTHON=python3.12 …)
	$(PYTHON) -m venv $(VENV)

# One stamp a set of extras; newer than pyproject.toml means installed. Some environments have no pip.
$(VENV)/.bottleneck-%: pyproject.toml | $(BIN)/python
	@$(call recent,$(BIN)/python,choose another environment by VENV=)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --default-pip
	$(PIP) --editable '.$(if $(filter-out core,$*),[$*])'
	@touch $@

install: $(INSTALLED)

demo: $(INSTALLED_LIGHT)
	$(BIN)/python scripts/demo.py$(call more,$(ARGS))

extract: $(INSTALLED_LIGHT)
	$(RUN).extract --data $(call quoted,$(DATA)) --backbone $(BACKBONE) --cache $(call quoted,$(CACHE))$(call more,$(ARGS))

train: $(TRAINING)
	$(RUN).train --cache $(call quoted,$(CACHE))$(call more,$(ARGS))

status: $(INSTALLED_LIGHT)
	$(RUN).status --cache $(call quoted,$(CACHE))$(call more,$(ARGS))

# Nothing but the line, so that it can go straight into a crontab. All stores, unless CACHE is named.
schedule: $(INSTALLED_LIGHT)
	@$(BIN)/python scripts/schedule/line.py --folder . $(if $(filter file,$(origin CACHE)),--all cache,--cache $(call quoted,$(CACHE)))$(call more,$(ARGS))

# The tests of good neighbourhood want pandas 2 as well; it lives in a folder of its own.
$(VENV)/.bottleneck-pandas2: | $(VENV)/.bottleneck-test
	$(PIP) --upgrade --target $(VENV)/pandas2 'pandas>=2.2,<3' xarray
	@touch $@

# The oldest zarr that pyproject.toml allows, in a folder of its own: a test opens our parts with it.
$(VENV)/.bottleneck-oldest-zarr: | $(VENV)/.bottleneck-test
	$(PIP) --upgrade --no-deps --target $(VENV)/oldest-zarr zarr==3.1.3 crc32c
	@touch $@

# JAX, in a folder of its own: tests compute with it, and nothing else should find it.
$(VENV)/.bottleneck-jax: | $(VENV)/.bottleneck-test
	$(PIP) --upgrade --no-deps --target $(VENV)/jax jax jaxlib opt_einsum
	@touch $@

# KerasHub without the packages for texts that it asks for, 50 MB: images need none of them.
$(VENV)/.bottleneck-keras-hub: | $(VENV)/.bottleneck-test
	$(PIP) --upgrade --no-deps --target $(VENV)/keras-hub 'keras-hub>=0.32' kagglehub kagglesdk regex \
		sentencepiece tokenizers
	@touch $@

# Dask and Ray, in a folder of their own: 300 MB that most tests do without. `make clusters` alone asks for it.
$(VENV)/.bottleneck-clusters: | $(VENV)/.bottleneck-test
	$(PIP) --upgrade --target $(VENV)/clusters 'distributed>=2025.7' 'ray[client]>=2.48'
	@touch $@

# What reads buckets, and a server that is one, in a folder of their own. `make objects` alone asks for it.
$(VENV)/.bottleneck-objects: | $(VENV)/.bottleneck-test
	$(PIP) --upgrade --target $(VENV)/objects 'obstore>=0.12' 'moto[server]>=5.1'
	@touch $@

BESIDE := pandas2 oldest-zarr jax keras-hub
test: $(INSTALLED) $(VENV)/.bottleneck-test $(BESIDE:%=$(VENV)/.bottleneck-%)
	$(BIN)/python -m pytest -n auto --dist loadfile$(call more,$(ARGS))

# The tests of real clusters: schedulers and workers as processes of this machine.
clusters: $(INSTALLED) $(VENV)/.bottleneck-test $(VENV)/.bottleneck-clusters
	PYTHONPATH=$(abspath $(VENV))/clusters $(BIN)/python -m pytest -q tests/pipeline/extraction/test_clusters.py$(call more,$(ARGS))

# The tests of stores and images in buckets: a server of S3's interface on this machine, and a proxy that does harm.
objects: $(INSTALLED) $(VENV)/.bottleneck-test $(VENV)/.bottleneck-objects
	PYTHONPATH=$(abspath $(VENV))/objects $(BIN)/python -m pytest -q -n auto --dist loadfile tests/test_buckets.py tests/core/test_buckets.py \
		tests/store/test_objects.py tests/store/test_transfer.py tests/pipeline/extraction/test_invalidation.py \
		tests/pipeline/extraction/test_shards.py tests/data/test_bucket.py tests/data/test_bucket_table.py tests/data/test_bucket_archive.py \
		tests/pipeline/extraction/test_bucket_source.py tests/pipeline/extraction/test_bucket_archive.py \
		tests/contract/test_sources.py$(call more,$(ARGS))

# `slow` are what takes more than a quarter of a second, and real networks.
fast: $(INSTALLED) $(VENV)/.bottleneck-test
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"$(call more,$(ARGS))

# Hours. The long forms of the tests of faults, then a month of nights, then 200 kills, then workers and drivers killed
# and, where that can be tried (else it ends with 2), cut off.
soak: $(INSTALLED) $(VENV)/.bottleneck-test
	BOTTLENECK_SOAK=1 $(BIN)/python -m pytest -q tests/store tests/pipeline tests/test_stopped.py tests/test_small_disk.py \
		tests/data/test_million.py tests/data/test_read_faults.py tests/api/test_estimators.py
	$(BIN)/python scripts/soak/month.py
	$(BIN)/python scripts/soak/kills.py$(call more,$(ARGS))
	$(BIN)/python scripts/soak/workers.py --on loky --kills 30 --drivers 20
	PYTHONPATH=$(abspath $(VENV))/clusters $(BIN)/python scripts/soak/cut_off.py -- --size 512 --batch-size 8 || [ $$? -eq 2 ]

# The reference of bottleneck.sklearn needs scikit-learn.
docs: $(INSTALLED_LIGHT) $(VENV)/.bottleneck-test
	$(BIN)/python scripts/make_references.py
	$(BIN)/python scripts/draw_way.py

check: $(VENV)/.bottleneck-check $(VENV)/.bottleneck-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(INSTALLED) $(VENV)/.bottleneck-test
	$(BIN)/python scripts/bench/run.py$(call more,$(ARGS))

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bottleneck tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
