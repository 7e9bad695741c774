# Two commands: `make demo` and `make test`. Each sets up everything it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo-out
JOBS ?= 2

.PHONY: demo test docs bench lint types dist release-check clean

demo: $(VENV)/.ready
	$(BIN)/synthcmr demo $(OUT)

test: lint types
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# The site: reference pages from the code, then every page, with broken links as errors.
docs: $(VENV)/.ready-dev
	$(BIN)/python -m docs_site.reference_pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check src tests benchmarks notebooks docs_site examples
	$(BIN)/ruff format --check src tests benchmarks notebooks docs_site examples

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,docs,clip,dp]"
	touch $(VENV)/.ready $@

clean:
	rm -rf $(VENV) demo-out site notebook-out notebooks/notebook-out build dist src/*.egg-info
