# `make` alone lists the targets. `make run` and `make test` need Python 3.11 or newer, and nothing else:
# what they need beyond it they install into .venv. Variables: PORT, HOST, DATABASE_URL, REDIS_URL.

.DEFAULT_GOAL := help
.PHONY: help run test check lint types browser chaos bench docs
MAKEFLAGS += --no-print-directory

BIN := .venv/bin

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.run ## Start Octoworkers on http://localhost:8000 (PORT=, HOST=, DATABASE_URL=, REDIS_URL=)
	@$(BIN)/python -m octoworkers.launch

test: .venv/.dev ## Run every test that this machine can run, and say what was left out
	@$(BIN)/python -m tests.run

check: lint types ## Run lint and types

lint: .venv/.dev ## Check style, formatting and the layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: .venv/.dev ## Check the types
	@$(BIN)/mypy .

browser: .venv/.dev ## Run the browser tests alone
	@$(BIN)/python -m tests.run browser

chaos: .venv/.dev ## Break everything at every step of the protocol; takes half an hour (SEED=)
	@rm -f var/chaos-report.md var/chaos-report.jsonl
	@OCTOWORKERS_CHAOS=full OCTOWORKERS_CHAOS_SEED=$(SEED) OCTOWORKERS_CHAOS_REPORT=$(CURDIR)/var/chaos-report.md \
	  $(BIN)/python -m tests.run chaos

bench: .venv/.dev ## Measure; results are printed beside the budgets
	@$(BIN)/python -m benchmarks

docs: .venv/.dev ## Check that the links inside the documentation lead somewhere
	@$(BIN)/python -m pytest -q tests/architecture/test_docs.py

# A stamp is newer than what it was installed from, so that a second start installs nothing.
.venv/.run: constraints.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh run

.venv/.dev: constraints.txt pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh dev
