# Needs make and one CPython >= 3.11 with venv; everything else is installed into $(VENV).
VENV ?= .venv
BIN = $(VENV)/bin
MUTANTS = $(VENV)-mutants/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
COMPILE = $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header $(ARGS)
# Most tests wait more than they compute: two cores are busy with five. Which of them are run in
# turn is in tests/running/parallel.py.
PARALLEL = -n 5 --dist loadscope
# These tests compute, in two processes. What has two stores is tested on the one in memory.
QUICK = -n 2 --dist loadscope --hypothesis-profile=quick \
  -k "not postgres and not redis and not both_stores"
export PIP_USER = 0
# Without bytecode each process compiles the whole program at its start, the tests a hundred times.
unexport PYTHONDONTWRITEBYTECODE

# Each name is run, for a version manager leaves names that answer and do not work.
FIND_PYTHON = for name in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
  "$$name" -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); \
  import ensurepip, venv; print(sys.executable)' 2>/dev/null && break; done
NO_PYTHON = No CPython >= 3.11 with venv and ensurepip $(if $(PYTHON),at $(PYTHON),found); \
  install one (on Debian python3 and python3-venv) or name it: make PYTHON=/path/to/python

.PHONY: help up test quick mutants faults lint bench lock clients words wheel clean runtime tools

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1:/p' Makefile | while IFS=: read -r name text; \
	  do printf 'make %-7s %s\n' "$$name" "$$text"; done

up: runtime ## start everything with demo data; ARGS='--port 9000 --data-dir DIR'
	@exec $(BIN)/votes up --demo $(ARGS)

test: tools ## run the whole test suite, five tests at a time; ARGS='-k name' one at a time
	@exec $(BIN)/python -m pytest --durations=15 $(or $(ARGS),$(PARALLEL)) $(WITHOUT:%=--deselect=%) \
	  $(SEED:%=--randomly-seed=% --hypothesis-seed=%)

quick: tools ## run the tests that need no server, with fewer random examples
	@exec $(BIN)/python -m pytest $(QUICK) tests/domain tests/projections tests/engine tests/app tests/formats \
	  tests/http tests/live tests/contract tests/test_tidy.py $(ARGS)

# Its packages stay out of the venv of the tests: one of them renames processes.
mutants: ## make errors in the code, list those that no test finds; ARGS='votes.domain*'
	@$(MAKE) -s --no-print-directory VENV=$(VENV)-mutants tools
	@$(MUTANTS)/python -m pip --quiet install --require-hashes -r tests/mutants.lock
	@$(MUTANTS)/mutmut run $(ARGS) && $(MUTANTS)/mutmut results | sed '/: not checked$$/d'

faults: tools ## break every part for 10 minutes, everybody at it; VOTES_SOAK_SEED=1 make faults
	@VOTES_TEST_LONG=1 VOTES_SOAK_SECONDS=$${VOTES_SOAK_SECONDS:-600} exec $(BIN)/python -m pytest \
	  tests/faults tests/integration/projection/test_flushed_under_load.py $(ARGS)

lint: tools ## check style, types, layers and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/squawk --assume-in-transaction --pg-version 15 migrations/*.sql

bench: tools ## run the benchmarks; ARGS are theirs
	@$(PIP) install --require-hashes -r tests/benchmarks/requirements.lock
	@exec $(BIN)/python tests/benchmarks/run.py $(ARGS)

clients: runtime ## generate the TypeScript types, the elements and the site's files anew; needs node
	@$(BIN)/votes openapi > docs/typescript/openapi.json
	@cd docs/typescript && npm ci --silent && npm run --silent generate && npm run --silent check \
	  && npm run --silent elements && npm run --silent site
	@$(BIN)/python docs/pin_elements.py docs/frontend.md

words: tools ## take the texts of pages and mails into the files of languages
	@$(BIN)/python -m votes.languages

wheel: runtime ## build the wheel into dist
	@$(BIN)/python -m hatchling build -t wheel

lock: runtime ## pin what pyproject.toml asks for; ARGS=--upgrade takes newer versions
	@$(BIN)/python -m venv --clear $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --disable-pip-version-check --quiet install uv
	@$(BIN)/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  > $(VENV)-lock/build.in
	@$(COMPILE) --extra server pyproject.toml - -o requirements.lock < $(VENV)-lock/build.in > /dev/null
	@$(COMPILE) --group dev -c requirements.lock -o tests/requirements.lock > /dev/null
	@$(COMPILE) --group bench -c tests/requirements.lock -o tests/benchmarks/requirements.lock > /dev/null
	@$(COMPILE) --group mutants -c tests/requirements.lock -o tests/mutants.lock > /dev/null

clean: ## remove what was installed and built; the data stays
	rm -rf $(VENV) $(VENV)-* dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
	  mutants
	find src workers tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Descriptor 9 is this file, locked until the installation is done: two runs take turns.
runtime tools:
	$(eval FOUND := $(shell $(FIND_PYTHON)))
	@$(if $(FOUND),,$(error $(NO_PYTHON)))exec 9< Makefile; \
	  $(FOUND) -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'; \
	  exec $(MAKE) -s --no-print-directory FOUND=$(FOUND) $(VENV)/.project $(if $(filter tools,$@),$(VENV)/.tools)

# The venv is begun anew if the checkout moved, its interpreter went, or an installation broke off.
SOUND = [ "$$(cat $(VENV)/.runtime)" = "$(CURDIR)" ] && [ ! -e $(VENV)/.busy ] && $(BIN)/python -c ''
ifneq ($(shell ($(SOUND)) 2>/dev/null && echo sound),sound)
.PHONY: $(VENV)/.runtime
endif

$(VENV)/.runtime: requirements.lock
	echo "Installing into $(VENV) (once, about a minute)"
	$(FOUND) -m venv --clear $(VENV) && touch $(VENV)/.busy
	$(PIP) install --require-hashes -r requirements.lock
	rm $(VENV)/.busy && echo "$(CURDIR)" > $@

$(VENV)/.tools: tests/requirements.lock $(VENV)/.runtime
	echo "Installing the tools of the tests into $(VENV)"
	touch $(VENV)/.busy
	$(PIP) install --require-hashes -r tests/requirements.lock
	rm $(VENV)/.busy && touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.runtime
	touch $(VENV)/.busy
	$(PIP) install --no-deps --no-build-isolation -e .
	rm $(VENV)/.busy && touch $@
