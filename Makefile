# Two commands matter: `make up` and `make test`. Everything they need is set up on the way, inside this folder.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
# The first interpreter of at least 3.11 that really runs (a name on PATH may be an empty shim).
FIND_PYTHON := for p in python3.11 python3.12 python3.13 python3; do "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v "$$p"; break; }; done

.PHONY: help setup up down test test-long bench check lint imports types secrets docs lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

setup: $(STAMP) ## the virtual environment, from hashed locks

$(STAMP): locks/bootstrap.txt locks/development.txt pyproject.toml
	@python=$$($(FIND_PYTHON)); [ -n "$$python" ] || { echo "make: Python 3.11 or newer is needed and none was found on PATH" >&2; exit 1; }; \
	 [ -x $(BIN)/python ] || "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r locks/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r locks/development.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q stacks components runtime lambda_src local operations
	@touch $@

up: $(STAMP) ## bring the dev platform up on this machine and send a photograph through it
	@$(BIN)/platform up --journey

down: $(STAMP) ## stop it and wipe what it stored, but for the logs
	@$(BIN)/platform down

test: $(STAMP) ## every test, but for the long ones; MEASURED=yes fails below the coverage in pyproject.toml, too
ifdef MEASURED
	@rm -rf .coverage
	@$(BIN)/python -m coverage run -m pytest -n 2 --dist loadfile --timeout 300
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report
else
	@$(BIN)/python -m pytest -n 2 --dist loadfile
endif

test-long: $(STAMP) ## the long tests alone, one at a time; they print their figures
	@$(BIN)/python -m pytest -m long -s

bench: $(STAMP) ## the benchmarks
	@$(BIN)/python -m benchmarks

check: lint imports types secrets ## ruff, mypy --strict, import rules, no credentials

lint: $(STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

imports: $(STAMP)
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo

types: $(STAMP)
	@$(BIN)/mypy --no-error-summary

secrets: $(STAMP)
	@seen=$$($(BIN)/python -m pytest -q tests/architecture/test_no_secrets.py 2>&1) || { echo "$$seen" >&2; exit 1; }

docs: $(STAMP) ## the pages that are made from the code
	@$(BIN)/python docs/errors.py
	@$(BIN)/python docs/api_page.py
	@$(BIN)/python docs/component_pages.py
	@$(BIN)/python docs/diagrams.py
	@$(BIN)/python docs/schema_page.py

lock: $(STAMP) ## make the locks anew from pyproject.toml
	@$(BIN)/python locks/compile.py

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .cache dist .mypy_cache .ruff_cache .pytest_cache .coverage
