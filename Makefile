# RadImageNet, re-examined.  `make help` lists the targets.
# Both `make book` and `make test` first build .venv from requirements.lock, once; `make read` builds
# .venv-read, without a framework.

PROFILE   ?= demo
DATA_ROOT ?=
RESULTS   ?= results
PYTHON    ?=
ARGS      ?=

# These reach the programs through the environment, letter by letter: no shell reads them, and make
# expands nothing in them.  In a value of make's command line $$ is its own way of writing $.
literal = $(if $(findstring environment,$(origin $1)),$(value $1),$(subst $$$$,$$,$(value $1)))
override PROFILE   := $(call literal,PROFILE)
override DATA_ROOT := $(call literal,DATA_ROOT)
override RESULTS   := $(call literal,RESULTS)
override PYTHON    := $(call literal,PYTHON)
override ARGS      := $(call literal,ARGS)
export PROFILE DATA_ROOT RESULTS PYTHON ARGS

VENV := .venv
PY   := $(VENV)/bin/python
READ := .venv-read
# The first is there while an installation is under way; found at the start, it was cut off.
HALF := .incomplete
DONE := $(VENV)/.ready

export TF_CPP_MIN_LOG_LEVEL ?= 3
export KERAS_BACKEND ?= tensorflow
export JUPYTER_PLATFORM_DIRS ?= 1
export PYDEVD_DISABLE_FILE_VALIDATION ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
# Images of containers set it; each of a hundred processes would then compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.DELETE_ON_ERROR:
.PHONY: help venv book read study lab test test-slow lint format clean

help:
	@echo 'make book [PROFILE=demo] [DATA_ROOT=folder] [RESULTS=results]'
	@echo '                  run the notebooks and build the book: _build/html/index.html (the last one;'
	@echo '                  each profile keeps its own, as _build/demo/html/index.html)'
	@echo 'make read         the same without a framework: results and evidence, nothing is trained'
	@echo 'make study        with the same names: train everything first, under one progress bar'
	@echo 'make lab [ARGS=--no-browser]'
	@echo '                  the notebooks in JupyterLab'
	@echo 'make test         the quick tests'
	@echo 'make test-slow    the tests that take minutes'
	@echo 'make lint         style and types, for contributors;  make format  mends the style'
	@echo 'make clean        remove the built book and caches; results and .venv stay'

book: $(DONE)
	@$(VENV)/bin/rin book --profile="$$PROFILE" --data-root="$$DATA_ROOT" --results="$$RESULTS"

read: $(READ)/.ready
	@$(READ)/bin/rin book --read --profile="$$PROFILE" --data-root="$$DATA_ROOT" --results="$$RESULTS"

study: $(DONE)
	@$(VENV)/bin/rin study --profile="$$PROFILE" --data-root="$$DATA_ROOT" --results="$$RESULTS"

# Its settings stay in the environment, and those of the user's other Jupyter as they are.
lab: export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/etc/jupyter
lab: $(DONE)
	$(PY) -m jupytext_config set-default-viewer python
	@# ARGS is split at blanks; nothing in it is run.  Root has to be allowed, as in a container.
	@set -f; test "$$(id -u)" != 0 || set -- --allow-root; $(PY) -m jupyter lab "$$@" $$ARGS notebooks

# A file's tests stay in one process: they share what is slow.  Files come in their order, as some of
# the slowest hold few tests.
test: $(DONE)
	$(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(DONE)
	$(PY) -m pytest -m slow

lint: $(DONE)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) tests/weight.py

format: $(DONE)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

venv: $(DONE)

comma := ,

# Starts a folder of Python with one that will do: the folder, what is said of it, and the newest
# Python 3 that will do.  TensorFlow has no final version for 3.14 yet.
define begin
@python=''; \
for each in "$$PYTHON" python3.11 python3.12 python3.13 python3.14 python3 python; do \
  if "$$each" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $3))' \
      >/dev/null 2>&1; then python="$$each"; break; fi; \
done; \
if [ -z "$$python" ]; then \
  echo 'No Python 3.11 to 3.$3 with venv found. Install one (Debian, Ubuntu: python3-venv;' >&2; \
  echo 'macOS: brew install python@3.11; or by conda, with environment.yml), or name it:' >&2; \
  echo '  make $(or $(MAKECMDGOALS),book) PYTHON=/path/to/python3.11' >&2; \
  exit 1; \
fi; \
if [ -e $1/$(HALF) ]; then \
  echo 'An installation was cut off: starting over.'; \
  rm -rf $1 || { echo 'Another one still writes to $1: wait for it.' >&2; exit 1; }; \
fi; \
mkdir -p $1 && touch $1/$(HALF) && \
echo "Installing into $1 with $$python ($2)" && \
"$$python" -m venv $1
@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $1/uv.txt
@$1/bin/python -m pip install --quiet --require-hashes -r $1/uv.txt
endef

# Bytecode makes TensorFlow start in 3 s rather than 10; some packages ship files for other Pythons.
# Their own tests are never imported.
define finish
-@$1/bin/python -m compileall -q -j 0 -x 'site-packages/.*/tests?/' $1/lib >/dev/null 2>&1
@rm -f $1/$(HALF)
@touch $1/.ready
endef

# The lock holds every build tool, so that the last install needs no network.
$(DONE): requirements.lock pyproject.toml
	$(call begin,$(VENV),about a minute$(comma) 3.4 GB,13)
	@# uv reads no settings of pip (a mirror, a folder of wheels): where it cannot fetch, pip goes on.
	@UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=1 $(PY) -m uv pip install --quiet --python $(PY) \
	  --require-hashes -r requirements.lock || \
	{ echo 'uv could not fetch the packages: installing with pip and its settings (a minute longer).'; \
	  $(PY) -m pip install --quiet --no-compile --require-hashes -r requirements.lock; }
	@$(PY) -m pip install --quiet --no-compile --no-index --no-deps --no-build-isolation -e .
	$(call finish,$(VENV))

# As few packages as pages of results need, in the versions of the lock.  pip takes no hashes of
# packages that it may or may not install, so that only uv checks them.
$(READ)/.ready: requirements.lock pyproject.toml
	$(call begin,$(READ),half a minute$(comma) 1.2 GB,14)
	@sed -n 's/ *\\$$//; /^[A-Za-z0-9]/p' requirements.lock > $(READ)/versions.txt
	@UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=1 $(READ)/bin/python -m uv pip install --quiet \
	  --python $(READ)/bin/python --constraints requirements.lock setuptools '.[study,book]' || \
	{ echo 'uv could not fetch the packages: installing with pip and its settings (a minute longer).'; \
	  $(READ)/bin/python -m pip install --quiet --no-compile -c $(READ)/versions.txt \
	    setuptools '.[study,book]'; }
	@$(READ)/bin/python -m pip install --quiet --no-compile --no-index --no-deps \
	  --no-build-isolation -e .
	$(call finish,$(READ))

clean:
	rm -rf _build book/notebooks .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find rin tests notebooks benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
