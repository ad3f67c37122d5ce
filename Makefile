# The two commands of a newcomer are `make demo` and `make test`; `make help` lists the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
# Extra words for pip, e.g. PIP_FLAGS="--extra-index-url <PyTorch's CPU index>" (see README, "Install").
PIP_FLAGS ?=
# Words for the tests, e.g. PYTEST_FLAGS="-k lora -x". Two processes, a file each; one thread in each.
PYTEST_FLAGS ?= -q --numprocesses 2 --dist loadfile

export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-plain test-torch test-tensorflow test-jax lint format benchmark clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.installed  ## make .venv with kerasft and the torch backend
setup-dev: $(VENV)/.installed-dev  ## make .venv with all three backends and the development tools

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable '.[torch]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable '.[dev]'
	touch $(VENV)/.installed $@

demo: setup  ## fine-tune MiniLM with LoRA on the shipped corpus, in minutes
	$(BIN)/python -m kerasft.recipes.distilbert_lora --preset minilm

PARTS := setup-dev lint test-plain test-torch test-tensorflow test-jax
test:  ## lint, types and the whole suite on the three backends, and how long each of them took
	@for part in $(PARTS) all; do \
	    began=$$(date +%s); first=$${first:-$$began}; \
	    test $$part = all && began=$$first || $(MAKE) --no-print-directory $$part || exit; \
	    took=$$(($$(date +%s) - began)); \
	    times="$$times$$(printf '%-16s%3d min %02d s' $$part $$((took / 60)) $$((took % 60)))\n"; \
	done; printf "$$times"

test-plain: setup-dev  ## the tests that need no backend
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_FLAGS) --plain

test-torch: WHAT = not plain
test-tensorflow test-jax: WHAT = not plain and not any_backend
test-torch test-tensorflow test-jax: test-%: setup-dev  ## the tests that need one, on one backend
	KERAS_BACKEND=$* OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_FLAGS) -m "$(WHAT)"

lint: setup-dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup-dev  ## let ruff rewrite the layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: setup-dev  ## classifier and translator beside transformers, PEFT and torch.nn, on each backend
	$(BIN)/python benchmarks/classify.py
	$(BIN)/python benchmarks/translate.py

clean:  ## remove .venv and what the tools left
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
