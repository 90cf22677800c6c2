# kafkasim: `make` lists what there is. Needs only a Python of 3.11 or newer, and make.
PYTHON ?= python3
PORT ?= 8888
VENV := .venv
BIN := $(VENV)/bin
CI_VENV := .venv-ci
CI_BIN := $(CI_VENV)/bin
PIP := -m pip --disable-pip-version-check --quiet install --only-binary :all:
LESSON := course/01_topics_partitions_offsets.ipynb
# The environment of a hosted notebook, rebuilt here: what its base image brings, and binder/ on top.
BINDER_VENV := .venv-binder
# For `make lock`: UPGRADE=--upgrade takes the newest of everything, else what is pinned and still fits stays.
UPGRADE ?=
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --only-binary :all: $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help env lab test test-all search test-real lint format fidelity notebooks exercises refresh check rewrite bench browser binder-like ci lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(VENV)/ok ## build the environment .venv from the lock

$(VENV)/ok: pyproject.toml .ci/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"kafkasim needs Python 3.11 or newer, and $(PYTHON) is older or missing: say which one to use, as in make env PYTHON=python3.12" >&2; exit 1; }
	@echo "Building $(VENV) (about a minute the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) --requirement .ci/lock.txt
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --editable .
	@touch $@

$(CI_VENV)/ok: .ci/lock-ci.txt
	@echo "Building $(CI_VENV), the tools that check the project"
	@$(PYTHON) -m venv $(CI_VENV)
	@$(CI_BIN)/python $(PIP) --requirement .ci/lock-ci.txt
	@touch $@

lab: env ## open JupyterLab on the first lesson (PORT=8888)
	@PORT=$(PORT) sh .ci/lab.sh $(BIN)/python $(LESSON)

test: env ## run the fast tests, on all cores
	$(BIN)/python -m pytest -q -n logical

test-all: env $(CI_VENV)/ok ## run every test: also the slow ones, the notebooks and the browser's
	KAFKASIM_NBGRADER=$(CURDIR)/$(CI_BIN)/nbgrader KAFKASIM_REPO2DOCKER=$(CURDIR)/$(CI_BIN)/jupyter-repo2docker \
		$(BIN)/python -m pytest -q -m "not browser and not real and not search"
	$(MAKE) --no-print-directory search test-real notebooks browser

search: env ## look at hundreds of seeds: what may go wrong is found, what is safe stays safe
	$(BIN)/python -m pytest -q -n logical -m search tests

test-real: env ## run the same learner code on a real Kafka broker too (needs Java 17 and Maven, or KAFKASIM_REAL_BOOTSTRAP)
	$(BIN)/python -m pytest -q -m real tests/real

browser: env $(CI_VENV)/ok ## run the first lesson in JupyterLab in a headless Chromium (KEEP_SHOTS=folder keeps pictures)
	KAFKASIM_PYTHON=$(CURDIR)/$(BIN)/python $(CI_BIN)/python -m pytest -q -m browser tests/browser

lint: env $(CI_VENV)/ok ## check style, types, and the arrows between packages
	$(CI_BIN)/ruff check .
	$(CI_BIN)/ruff format --check .
	$(CI_BIN)/mypy --python-executable $(BIN)/python
	PYTHONPATH=. $(CI_BIN)/lint-imports

format: $(CI_VENV)/ok ## put the code into the house style
	$(CI_BIN)/ruff check --fix .
	$(CI_BIN)/ruff format .

fidelity: env ## compare the simulator with what real Kafka and ZooKeeper did
	$(BIN)/python -m tests.fidelity
	$(BIN)/python -m tests.fidelity --lazy tests/fidelity/data/recordings

bench: env ## print what runs cost, as counts and ratios
	$(BIN)/python -m tests.bench

notebooks: env ## run all lessons and solutions and compare with their stored outputs
	$(BIN)/python -m pytest -q -p no:cacheprovider --nbval --nbval-current-env --nbval-cell-timeout=60 course solutions

exercises: env ## make exercises/ from solutions/
	$(BIN)/python -m kafkasim release

refresh: env ## run all lessons and solutions and store their outputs
	$(BIN)/python -m kafkasim refresh course solutions

check: env ## grade an exercise: make check NB=exercises/01_....ipynb
	@$(if $(NB),,echo "Say which notebook: make check NB=exercises/01_....ipynb" >&2; exit 2;) $(BIN)/python -m kafkasim check $(NB)

rewrite: env ## write the golden files of the scenarios anew (then review the diff)
	$(BIN)/python -m pytest -q tests/scenarios --rewrite

binder-like: ## run the lessons with the versions that a hosted notebook has
	@rm -rf $(BINDER_VENV)
	@$(PYTHON) -m venv $(BINDER_VENV)
	@$(BINDER_VENV)/bin/python $(PIP) --requirement .ci/binder-base.txt --requirement binder/requirements.txt
	@$(BINDER_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --editable .
	$(BINDER_VENV)/bin/python -m pytest -q -p no:cacheprovider --nbval --nbval-current-env --nbval-cell-timeout=60 course

ci: ## everything that the project's CI does
	bash .ci/run

lock: ## for maintainers: choose versions anew (needs uv; UPGRADE=--upgrade takes the newest)
	$(COMPILE) --no-emit-package kafkasim --extra dev --output-file .ci/lock.txt pyproject.toml
	$(COMPILE) --extra ci --constraint .ci/lock.txt --output-file .ci/lock-ci.txt pyproject.toml

clean: ## remove what was built
	rm -rf $(VENV) $(CI_VENV) $(BINDER_VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
