# The two commands to start with are `make up` and `make test`. Whatever they need is installed first, inside this folder.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
# The first interpreter that runs and is Python 3.11 or newer (a name on PATH may be an empty shim).
FIND_PYTHON := for p in python3.11 python3.12 python3.13 python3; do "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v "$$p"; break; }; done

# Tests and platforms start hundreds of interpreters: modules are compiled once, even where the caller's environment says otherwise.
export PYTHONDONTWRITEBYTECODE :=

# The tests of one room: `make test ROOM=runtime/features/clips`.
ROOM :=
# Whole files go to a worker, because their tests share what takes long to start.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup up down test test-platform test-long bench check format lint imports types secrets docs lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16

setup: $(STAMP) ## create the virtual environment from the hashed locks

$(STAMP): locks/bootstrap.txt locks/development.txt pyproject.toml
	@python=$$($(FIND_PYTHON)); [ -n "$$python" ] || { echo "make: Python 3.11 or newer is needed and none was found on PATH" >&2; exit 1; }; \
	 [ -x $(BIN)/python ] || "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r locks/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r locks/development.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q stacks components runtime lambda_src local operations
	@touch $@

up: $(STAMP) ## start the dev platform on this machine and upload a photograph
	@$(BIN)/platform up --journey

down: $(STAMP) ## stop the dev platform and delete its data (the logs are kept)
	@$(BIN)/platform down

test: $(STAMP) ## run all tests but the long and the platform ones; ROOM=folder for one room; MEASURED=yes also fails below the coverage threshold
ifdef MEASURED
	@rm -rf .coverage
	@$(BIN)/python -m coverage run $(PYTEST) --timeout 300
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report
else
	@$(BIN)/python $(PYTEST) tests/$(ROOM)
endif

test-platform: $(STAMP) ## run only the tests of whole platforms, OpenSearch, contract runs and benchmarks
	@$(BIN)/python $(PYTEST) -m 'platform and not long' tests/$(ROOM)

test-long: $(STAMP) ## run only the long tests, one at a time, which print their measurements; then each property test at length
	@$(BIN)/python -m pytest -m long -s
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -m 'hypothesis and not long' --timeout 3600

bench: $(STAMP) ## run the benchmarks
	@$(BIN)/python -m benchmarks

check: lint imports types secrets ## run ruff, the import rules, mypy --strict and the search for credentials

format: $(STAMP) ## fix what ruff can fix, and format the code
	@$(BIN)/ruff check --quiet --fix --exit-zero .
	@$(BIN)/ruff format --quiet .

lint: $(STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

imports: $(STAMP)
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo

types: $(STAMP)
	@$(BIN)/mypy --no-error-summary

secrets: $(STAMP)
	@output=$$($(BIN)/python -m pytest -q --noconftest -p no:xdist tests/architecture/test_no_secrets.py 2>&1) || { echo "$$output" >&2; exit 1; }

docs: $(STAMP) ## regenerate the generated documentation pages
	@$(BIN)/python docs/errors.py
	@$(BIN)/python docs/api_page.py
	@$(BIN)/python docs/component_pages.py
	@$(BIN)/python docs/diagrams.py
	@$(BIN)/python docs/schema_page.py

lock: $(STAMP) ## recompile the lock files from pyproject.toml
	@$(BIN)/python locks/compile.py

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .cache dist .mypy_cache .ruff_cache .pytest_cache .coverage
