# The commands of this project. `make help` lists them.

PYTHON ?= python3
HAAS := .venv/bin/haas
DATA ?=
PORT ?=
SIGN_INS ?=
ADDRESS ?=
GROUND_TRUTH ?= ../shared/ground_truth
# As many as cores: by four on two cores the walks of all pages ran into their time limit.
PYTEST_ARGS ?= -n 2

# Else each of the hundred programs that tests and demo start would compile the product anew.
unexport PYTHONDONTWRITEBYTECODE
SEEDS ?= 20

UP_OPTIONS := $(if $(DATA),--data $(DATA)) $(if $(PORT),--port $(PORT))

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo demo-reset test lint pictures crash-matrix check-format check-lint check-types check-imports check-security check-truth check-tests

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## make .venv and everything in it, system libraries, front-end packages
	@echo "Set-up:"
	@$(PYTHON) haas/install.py

setup-tests:
	@echo "Set-up:"
	@$(PYTHON) haas/install.py --with-tests

demo: setup  ## the whole product with two partners, simulated devices and this machine's own agent (DATA=, PORT=)
	@exec $(HAAS) demo $(UP_OPTIONS)

demo-reset: setup  ## delete the demo's data folder; the next `make demo` starts afresh
	@exec $(HAAS) demo-reset $(if $(DATA),--data $(DATA))

# Every check runs, whichever failed before it: -k goes on, and make still fails at the end.
test: setup-tests  ## all set-up, then all checks and tests
	@$(MAKE) --no-print-directory --keep-going check-format check-lint check-types check-imports check-security check-truth check-tests

lint: setup  ## the quick checks: format, rules, types, imports, security
	@$(MAKE) --no-print-directory --keep-going check-format check-lint check-types check-imports check-security

pictures: setup-tests  ## take the README's pictures from a new demo, or from a running one (SIGN_INS=, ADDRESS=)
	@exec .venv/bin/python -m tests.browser.pictures.take $(if $(SIGN_INS),--sign-ins $(SIGN_INS)) $(if $(ADDRESS),--address $(ADDRESS))

crash-matrix: setup-tests  ## kill the money's path at every named point, SEEDS=20 times each, in many orders
	@HAAS_CRASH_SEEDS=$(SEEDS) exec .venv/bin/pytest -n 2 tests/crash

check-format:
	@echo "== ruff format"
	@.venv/bin/ruff format --check .

check-lint:
	@echo "== ruff check"
	@.venv/bin/ruff check .

check-types:
	@echo "== mypy --strict"
	@.venv/bin/mypy

check-imports:
	@echo "== import contracts"
	@.venv/bin/lint-imports

check-security:
	@echo "== bandit"
	@.venv/bin/bandit -q -c pyproject.toml -r haas devices leases invoicing agent wsgi.py

check-truth:
	@echo "== ground truth"
	@if [ -d "$(GROUND_TRUTH)" ]; then .venv/bin/python tests/ground_truth/run.py "$(GROUND_TRUTH)"; \
	else echo "no folder $(GROUND_TRUTH) beside this tree: nothing compared (GROUND_TRUTH=DIR names another)"; fi

check-tests:
	@echo "== pytest (migrations up, down and compared with the models among them)"
	@.venv/bin/pytest $(PYTEST_ARGS)
