# What a person or CI runs. `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help install demo test bench bench-full lint types docs extension lock clean

help: ## list these
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; \
		do printf '  make %-12s %s\n' "$$name" "$$text"; done

install: $(INSTALLED) ## make .venv from the locks, with this checkout in it

$(INSTALLED): requirements-dev.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "RealTube needs Python 3.11 or newer, found %d.%d: try make PYTHON=python3.11 …" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## a simulated crowd, live: intake, publishes, a client, Datasette (Ctrl-C ends it)
	@$(BIN)/python -m benchmarks.demo

test: install ## everything CI runs: lint, types, import contracts, tests, documentation checks
	@tests/install-system-packages
	$(MAKE) --no-print-directory lint types
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: install ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install ## mypy, strict
	$(BIN)/mypy

bench: install ## every promised figure beside its goal, in under ten minutes
	@tests/install-system-packages wrk
	@$(BIN)/python -m benchmarks

bench-full: install ## the long runs too
	@tests/install-system-packages wrk
	@$(BIN)/python -m benchmarks --full

docs: install ## write the generated pages of docs/ anew
	$(BIN)/python -m tests.regenerate_docs

extension: ## the browser extension, in build/realtube-extension.zip
	@$(PYTHON) clients/extension/pack build/realtube-extension.zip

lock: install ## resolve the ranges of setup.cfg anew and pin them (with uv, which the dev extra installs)
	$(LOCK) --upgrade --output-file requirements.lock setup.cfg
	$(LOCK) --upgrade --extra dev --constraints requirements.lock --output-file requirements-dev.lock setup.cfg

clean: ## remove what make and the tools made, but no home
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build realtube.egg-info
