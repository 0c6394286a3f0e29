# The whole set-up: `make run` shows it working, `make test` proves it. Nothing needs to be activated or installed first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check bench clean
.DEFAULT_GOAL := run

$(BIN)/.run: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[fast]' \
	  || { echo "no wheel of the fast extra here: detection will be thinned"; $(BIN)/python -m pip install -q --disable-pip-version-check -e .; }
	@touch $@

$(BIN)/.test: pyproject.toml $(BIN)/.run
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test]'
	@touch $@

run: $(BIN)/.run  ## one real job of each kind, with what came out of it
	@$(BIN)/triptych demo

test: $(BIN)/.test  ## every test; the last line says what a missing part left out
	@$(BIN)/python -m pytest

check: $(BIN)/.test  ## style, types, import directions, sizes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(BIN)/.test  ## every figure beside its target
	@$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
