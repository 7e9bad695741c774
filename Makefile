# Two commands: `make demo` and `make test`. Each sets up everything it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo-out
JOBS ?= 2

.PHONY: demo test bench lint types dist release-check clean

demo: $(VENV)/.ready
	$(BIN)/synthcmr demo $(OUT)

test: lint types
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check src tests benchmarks notebooks
	$(BIN)/ruff format --check src tests benchmarks notebooks

types: $(VENV)/.ready-dev
	$(BIN)/mypy

bench: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/run_all.py

# Wheel and sdist in dist/. An earlier build/ would leave files in the wheel that are gone from src/.
dist: $(VENV)/.ready-dev
	rm -rf build dist
	$(BIN)/python -P -m build --outdir dist .

# Builds both, installs them where nothing else is, and runs the demo there.
release-check: $(VENV)/.ready-dev
	$(BIN)/python -m benchmarks.release_check

# The demo needs the package alone; tests and benchmarks need the development tools too.
$(VENV)/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,clip,dp]"
	touch $(VENV)/.ready $@

clean:
	rm -rf $(VENV) demo-out notebook-out notebooks/notebook-out build dist src/*.egg-info
