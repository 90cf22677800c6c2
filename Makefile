# kafkasim: `make` lists what there is. Needs only a Python of 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CI_VENV := .venv-ci
PORT ?= 8888
LESSON := course/01_topics_partitions_offsets.ipynb

.DEFAULT_GOAL := help
.PHONY: help env lab test test-all lint format fidelity exercises refresh check rewrite browser ci lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

env: $(VENV)/ok ## build the environment .venv from the lock

$(VENV)/ok: pyproject.toml .ci/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "kafkasim needs Python 3.11 or newer; say which one with: make env PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -r .ci/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(VENV)/ok

$(CI_VENV)/ok: .ci/lock-ci.txt
	$(PYTHON) -m venv $(CI_VENV)
	$(CI_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/lock-ci.txt
	@touch $(CI_VENV)/ok

lab: env ## open JupyterLab on the first lesson (PORT=8888)
	@PORT=$(PORT) sh .ci/lab.sh $(BIN)/python $(LESSON)

test: env ## run the tests
	$(BIN)/python -m pytest -q

test-all: env $(CI_VENV)/ok ## run every test, the browser's and nbgrader's included
	KAFKASIM_NBGRADER=$(CI_VENV)/bin/nbgrader KAFKASIM_REPO2DOCKER=$(CI_VENV)/bin/jupyter-repo2docker $(BIN)/python -m pytest -q
	$(MAKE) browser

browser: env $(CI_VENV)/ok ## open the first lesson in JupyterLab in a headless Chromium
	KAFKASIM_PYTHON=$(BIN)/python $(CI_VENV)/bin/python -m pytest -q -m browser tests/browser -p no:cacheprovider

lint: env $(CI_VENV)/ok ## check style, types and the arrows between packages
	$(CI_VENV)/bin/ruff check .
	$(CI_VENV)/bin/ruff format --check .
	$(CI_VENV)/bin/mypy --python-executable $(BIN)/python
	PYTHONPATH=. $(CI_VENV)/bin/lint-imports

format: $(CI_VENV)/ok ## put the code into the house style
	$(CI_VENV)/bin/ruff check --fix .
	$(CI_VENV)/bin/ruff format .

fidelity: env ## compare with what the real Kafka does
	$(BIN)/python -m tests.fidelity

exercises: env ## make exercises/ from solutions/
	$(BIN)/python -m kafkasim release

refresh: env ## run all notebooks of course/ and solutions/ and store their outputs
	$(BIN)/python -m kafkasim refresh course solutions

check: env ## grade an exercise: make check NB=exercises/01_topics_partitions_offsets.ipynb
	$(BIN)/python -m kafkasim check $(NB)

rewrite: env ## write the golden files of the scenarios anew (review them as a diff)
	$(BIN)/python -m pytest -q tests/scenarios --rewrite

ci: ## everything that the project's CI does
	bash .ci/run

lock: ## for maintainers: choose versions anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-package kafkasim --extra dev pyproject.toml -o .ci/lock.txt
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --extra ci pyproject.toml -o .ci/lock-ci.txt

clean: ## remove what was built
	rm -rf $(VENV) $(CI_VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
