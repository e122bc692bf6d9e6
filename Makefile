# Two commands do everything on a fresh machine: `make demo` and `make test`. CONTRIBUTING.md has the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint check-code set-up set-up-display soak bench pictures clean

BIN := .venv/bin
OUT ?= demo-out
PYTHON ?=
TESTS ?= tests
WORKERS ?= 2
# A display of its own, so that no window pops up while tests run.
DISPLAYED := $(shell command -v xvfb-run >/dev/null 2>&1 && echo 'xvfb-run -a -s "-screen 0 1600x1000x24"')

help:
	@echo "make demo    set up, then the whole path on a synthetic sample; a window where there is a screen"
	@echo "make test    set up, then all checks and tests"
	@echo "make lint    ruff, import contracts, mypy      make soak   1,000 kills, 8 people at once"
	@echo "make bench   benchmarks                        make clean  remove what was built (not .venv)"

set-up:
	@python=$$(PYTHON="$(PYTHON)" sh installers/find_python.sh) && "$$python" installers/set_up.py

set-up-display:
	@python=$$(PYTHON="$(PYTHON)" sh installers/find_python.sh) && "$$python" installers/set_up.py --need-display

demo: set-up
	@$(BIN)/segmend demo --out $(OUT)

lint: set-up check-code

check-code:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

# The display is looked for only after set-up has had the chance to install it.
test: set-up-display
	@$(MAKE) --no-print-directory check-code
	@$(MAKE) --no-print-directory run-tests

.PHONY: run-tests
run-tests:
	@$(DISPLAYED) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(TESTS)

soak: set-up-display
	@SEGMEND_KILLS=1000 SEGMEND_SOAK=1 $(DISPLAYED) $(BIN)/python -m pytest -q -n $(WORKERS) --timeout 7200 tests/integration

bench: set-up
	@for name in $$($(BIN)/segmend bench); do echo "$$name:"; $(BIN)/segmend bench $$name; done

# The picture in the README, of the window on the synthetic sample.
pictures: set-up-display
	@$(BIN)/segmend demo --headless --out $(OUT)
	@mkdir -p docs/pictures && cp $(OUT)/window-queue.png docs/pictures/window.png

clean:
	@rm -rf build/set-up.log .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist demo-out
	@find app core plugins resources tests installers -name __pycache__ -type d -prune -exec rm -rf {} +
