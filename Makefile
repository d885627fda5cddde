# wherein: `make help` lists what there is. Everything is installed into .venv and node_modules.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
unexport MAKEFLAGS
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python on the PATH that is new enough and can make environments; `make PYTHON=…` overrides it.
PYTHON = $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell $(name) -c "import ensurepip, sys; sys.version_info >= (3, 11) and print('$(name)')" 2>/dev/null)))
NO_PYTHON = wherein needs Python 3.11 or newer with its venv module (on Debian: apt-get install python3 python3-venv).
BIN := .venv/bin
DIR ?= .
# Half of a test run is waiting for processes. The tests of a browser share one of the two, and run last.
TWO_AT_A_TIME = -n 2 --dist loadgroup
PIP_COMPILE = PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile --quiet --no-config --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help setup search index test test-slow e2e editors pictures measure-editor lint fmt type client-check client-test bench reliability quality models model client package audit sbom fuzz soak removal lock clean

help: ## List the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 16

setup: .venv/.package ## Install wherein and its locked dependencies into .venv

search: export QUESTION = $(value Q)
search: export FOLDER = $(value DIR)
search: .venv/.package ## Ask a question: make search Q="where are crashed workers restarted" DIR=.
	@test -n "$$QUESTION" || { echo 'Ask something: make search Q="where are crashed workers restarted" DIR=.' >&2; exit 2; }
	@$(BIN)/wherein search "$$QUESTION" --dir "$$FOLDER"

index: export FOLDER = $(value DIR)
index: .venv/.package ## Index a folder and wait until it is done: make index DIR=.
	@$(BIN)/wherein index --dir "$$FOLDER"

test: lint type client-test editors ## Check style, types and the client, then run the tests
	@$(BIN)/pytest $(TWO_AT_A_TIME)

e2e: client-test editors build/editors/emacs.done build/editors/vim.done build/editors/helix.done ## Run the tests in real editors
	@$(BIN)/pytest -m "e2e or not e2e" tests/editors

test-slow: .venv/.dev ## Run the slow tests, then those with processes on loopback TCP, then make removal
	@$(BIN)/pytest $(TWO_AT_A_TIME) -m slow
	@WHEREIN_TRANSPORT=tcp $(BIN)/pytest $(TWO_AT_A_TIME) tests/process tests/protocol tests/faults
	@$(BIN)/python tests/removal/run.py

editors: .venv/.dev build/editors/neovim.done build/editors/vscode.done ## Install the editors of make test, as far as this machine allows

pictures: editors client-check ## Take the pictures of docs/images anew, from a real run
	@$(BIN)/python tests/editors/vscode/pictures.py

measure-editor: editors client-check ## Measure the extension in a real VS Code: activation, keystrokes, the bundle; fails when a target is missed
	@$(BIN)/python tests/editors/vscode/measure.py

lint: .venv/.dev ## Check style and formatting
	@$(BIN)/ruff check --quiet && $(BIN)/ruff format --check --quiet

fmt: .venv/.dev ## Format and repair style
	@$(BIN)/ruff check --fix --quiet && $(BIN)/ruff format --quiet

type: .venv/.dev ## Check the Python types
	@$(BIN)/mypy --no-error-summary

client-check: node_modules/.installed ## Check the types of the TypeScript client
	@npm run --silent check

audit: build/audit/bin/pip-audit node_modules/.installed ## Ask for known holes in what is installed: pip-audit and npm audit
	@build/audit/bin/python requirements/audit.py build/audit/bin/pip-audit

sbom: build/audit/bin/cyclonedx-py node_modules/.installed ## Write what is inside, as CycloneDX, to build/sbom/
	@mkdir -p build/sbom
	@build/audit/bin/cyclonedx-py requirements requirements/runtime.lock --pyproject pyproject.toml --output-reproducible -o build/sbom/python.cdx.json
	@npm sbom --package-lock-only --sbom-format=cyclonedx > build/sbom/client.cdx.json
	@ls -l build/sbom

fuzz: .venv/.dev ## Random input for all that reads input, a minute for each (FUZZ_SECONDS=60)
	@WHEREIN_FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) $(BIN)/pytest -q -s tests/fuzz

soak: .venv/.dev ## Edits, searches, kills and checkouts; fails when something grows (MINUTES=10)
	@$(BIN)/python tests/soak/run.py $(or $(MINUTES),10)

removal: .venv/.dev ## Take out one safeguard at a time; a test must turn red each time
	@$(BIN)/python tests/removal/run.py

bench: .venv/.dev ## Measure speed and memory, print the tables
	@$(BIN)/python bench/run.py

reliability: .venv/.dev ## Kill, storm, idle: measure the promises of docs/reliability.md (a quarter of an hour; PARTS="rounds odd many storm idle")
	@$(BIN)/python bench/reliability/run.py $(PARTS)

quality: .venv/.dev ## Measure how good the answers are, write docs/quality.md (QUALITY=DIR: the questions)
	@$(BIN)/python bench/quality/run.py

client-test: client-check ## Run the tests of the TypeScript client
	@npm test --silent

models: .venv/.dev ## Compare embedding models on the evaluation packages: make models MODELS="default FOLDER" (QUALITY=DIR)
	@$(BIN)/python bench/models/run.py $(MODELS)

model: .venv/.dev ## Train the embedding model anew, into build/model (45 minutes, 12 GB)
	@$(BIN)/python -m training --seeds $(or $(SEEDS),3)

client: client-check ## Build the VS Code extension
	@npm run --silent build

package: .venv/.package client-check ## Make the VS Code extension with the server in it: dist/wherein-VERSION.vsix
	@npm run --silent package

lock: build/lock/bin/pip-compile ## Resolve the locks anew from pyproject.toml and requirements/*.in, from PyPI alone
	@$(PIP_COMPILE) --upgrade --output-file requirements/runtime.lock pyproject.toml requirements/build.in requirements/windows.in
	@$(PIP_COMPILE) --upgrade --output-file requirements/dev.lock --constraint requirements/runtime.lock pyproject.toml requirements/build.in requirements/windows.in requirements/dev.in

clean: ## Remove everything that the other targets made
	@rm -rf .venv node_modules build dist client-ts/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each stamp is newer than what it was made from, so a second run does nothing. What setup says goes to stderr.
.venv/.runtime: requirements/runtime.lock
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@echo "Installing wherein into .venv (once)" >&2
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv >&2
	@.venv/bin/python -m pip install -qq --require-hashes --requirement $< >&2
	@touch $@

.venv/.package: .venv/.runtime pyproject.toml server/wherein/__init__.py
	@.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable . >&2
	@touch $@

.venv/.dev: requirements/dev.lock .venv/.package
	@echo "Installing the development tools into .venv (once)" >&2
	@.venv/bin/python -m pip install -qq --require-hashes --requirement $< >&2
	@touch $@

# An editor that this machine cannot have leaves a reason, and its tests skip with that. It leaves no stamp, so
# the next make tries again: a registry that did not answer may do so then.
build/editors/%.done: tests/editors/install.sh tests/editors/requirements.txt .venv/.dev
	@echo "Installing $* for the tests (once)" >&2
	@tests/editors/install.sh $* build/editors $(CURDIR)/$(BIN)/python
	@test -e build/editors/$*.unavailable || touch $@

node_modules/.installed: package-lock.json
	@echo "Installing the client's dependencies into node_modules (once)" >&2
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@touch $@

build/editors/vscode.done: tests/editors/vscode/install.sh
	@echo "Installing VS Code for the tests into build/editors (once)" >&2
	@$< $(@D)/vscode >&2
	@test -e $(@D)/vscode/unavailable || touch $@

build/audit/bin/pip-audit build/audit/bin/cyclonedx-py: requirements/audit.in
	@$(PYTHON) -m venv build/audit && build/audit/bin/python -m pip install -qq --only-binary :all: --requirement $<
	@touch build/audit/bin/pip-audit build/audit/bin/cyclonedx-py

build/lock/bin/pip-compile:
	@$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install -qq pip-tools==7.6.2
