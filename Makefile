# RadImageNet, re-examined.  `make help` lists the targets.
# Both `make book` and `make test` first build .venv from requirements.lock, once.

PROFILE   ?= demo
DATA_ROOT ?=
RESULTS   ?= results
PYTHON    ?=

# These reach the programs through the environment, letter by letter: no shell reads them, and make
# expands nothing in them.  In a value of make's command line $$ is its own way of writing $.
literal = $(if $(findstring environment,$(origin $1)),$(value $1),$(subst $$$$,$$,$(value $1)))
override PROFILE   := $(call literal,PROFILE)
override DATA_ROOT := $(call literal,DATA_ROOT)
override RESULTS   := $(call literal,RESULTS)
override PYTHON    := $(call literal,PYTHON)
export PROFILE DATA_ROOT RESULTS PYTHON

VENV := .venv
PY   := $(VENV)/bin/python
# Present while an installation is under way; found at the start, it means that one was cut off.
HALF := $(VENV)/.incomplete
DONE := $(VENV)/.ready

export TF_CPP_MIN_LOG_LEVEL ?= 3
export KERAS_BACKEND ?= tensorflow
export JUPYTER_PLATFORM_DIRS ?= 1
export PYDEVD_DISABLE_FILE_VALIDATION ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.DELETE_ON_ERROR:
.PHONY: help venv book study lab test test-slow lint format clean

help:
	@echo 'make book [PROFILE=demo] [DATA_ROOT=folder] [RESULTS=results]'
	@echo '                  run the notebooks and build the book: _build/html/index.html'
	@echo 'make study        with the same names: train everything first, under one progress bar'
	@echo 'make lab          the notebooks in JupyterLab (installed the first time)'
	@echo 'make test         style checks and the quick tests'
	@echo 'make test-slow    the tests that take minutes'
	@echo 'make lint         style checks only;  make format  mends them'
	@echo 'make clean        remove the built book and caches; results and .venv stay'

book: $(DONE)
	@$(VENV)/bin/rin book --profile="$$PROFILE" --data-root="$$DATA_ROOT" --results="$$RESULTS"

study: $(DONE)
	@$(VENV)/bin/rin study --profile="$$PROFILE" --data-root="$$DATA_ROOT" --results="$$RESULTS"

# Its settings stay in the environment, and those of the user's other Jupyter as they are.
lab: export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/etc/jupyter
lab: $(DONE)
	@$(PY) -c 'import jupyterlab' 2>/dev/null || $(PY) -m pip install --quiet -e '.[lab]'
	$(PY) -m jupytext_config set-default-viewer python
	$(PY) -m jupyter lab notebooks

# A file's tests stay in one process: they share what is slow.  Files come in their order, as some of
# the slowest hold few tests.
test: lint
	$(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(DONE)
	$(PY) -m pytest -m slow

lint: $(DONE)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(DONE)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

venv: $(DONE)

# The lock holds every build tool, so that the last install needs no network.
$(DONE): requirements.lock pyproject.toml
	@python=''; \
	for each in "$$PYTHON" python3.11 python3.12 python3.13 python3 python; do \
	  if "$$each" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	      >/dev/null 2>&1; then python="$$each"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'No Python 3.11, 3.12 or 3.13 with venv found. Install one (Debian, Ubuntu: python3-venv;' >&2; \
	  echo 'macOS: brew install python@3.11; or the conda route in README.md), or name it:' >&2; \
	  echo '  make $(or $(MAKECMDGOALS),book) PYTHON=/path/to/python3.11' >&2; \
	  exit 1; \
	fi; \
	if [ -e $(HALF) ]; then \
	  echo 'An installation was cut off: starting over.'; \
	  rm -rf $(VENV) || { echo 'Another one still writes to $(VENV): wait for it.' >&2; exit 1; }; \
	fi; \
	mkdir -p $(VENV) && touch $(HALF) && \
	echo "Installing into $(VENV) with $$python (about a minute, 2.2 GB)" && \
	"$$python" -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	@$(PY) -m pip install --quiet --require-hashes -r $(VENV)/uv.txt
	@# uv reads no settings of pip (a mirror, a folder of wheels): where it cannot fetch, pip goes on.
	@UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=1 $(PY) -m uv pip install --quiet --python $(PY) \
	  --require-hashes -r requirements.lock || \
	{ echo 'uv could not fetch the packages: installing with pip and its settings (a minute longer).'; \
	  $(PY) -m pip install --quiet --no-compile --require-hashes -r requirements.lock; }
	@$(PY) -m pip install --quiet --no-compile --no-index --no-deps --no-build-isolation -e .
	@# Bytecode makes TensorFlow start in 3 s rather than 10; some packages ship files for other Pythons.
	@# Their own tests are never imported.
	-@$(PY) -m compileall -q -j 0 -x 'site-packages/.*/tests?/' $(VENV)/lib >/dev/null 2>&1
	@rm -f $(HALF)
	@touch $(DONE)

clean:
	rm -rf _build book/notebooks .pytest_cache .ruff_cache .hypothesis
	find rin tests notebooks benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
