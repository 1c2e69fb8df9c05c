# `make help` lists the commands. Another Python: `make test PYTHON=python3.12`.
ifeq ($(origin PYTHON),undefined)
PYTHON := python3
else
# A Python that was asked for by name and is not the one in .venv means a new .venv.
PYTHON_ASKED := $(shell { $(PYTHON) --version || echo none; } 2>&1)
endif

VENV := .venv
BIN := $(VENV)/bin
INPUTS := pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*)
ARGS ?=
# Numeric libraries at one thread: each test worker has a core of its own.
TEST_ENVIRONMENT := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# In tests/without_torch PyTorch cannot be imported, whatever is installed.
WITHOUT_TORCH := UNROLLED_TEST=without-torch PYTHONPATH=tests/without_torch
# A folder for the test reports tests.xml and tests-without-torch.xml; none without it.
REPORTS ?=

# $(VENV)/.whole is written when an installation has ended: the Python and the folder it was for.
# Without it, or with something else in it, the environment is made anew.
IS_WHOLE = [ "$$(sed -n 2p $(VENV)/.whole 2>/dev/null)" = "$$(pwd)" ] \
    && { [ -z "$(PYTHON_ASKED)" ] || [ "$$(sed -n 1p $(VENV)/.whole)" = "$(PYTHON_ASKED)" ]; }
ANEW := $(shell $(IS_WHOLE) || echo anew)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint check format sanitize sanitize-address sanitize-thread clean anew

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'

demo: $(VENV)/.demo ## set up .venv if needed, then train on real data and write unrolled-demo/report.html
	$(BIN)/unrolled demo

test: $(VENV)/.dev ## set up .venv if needed, run all tests, then without torch those that can (ARGS="-k gru": some)
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest -n 2 $(call report,tests) $(ARGS)
	$(TEST_ENVIRONMENT) $(WITHOUT_TORCH) $(BIN)/python -m pytest -n 2 \
	    $(call report,tests-without-torch) $(ARGS) $(NONE_IS_RIGHT)

lint: $(VENV)/.dev ## check format, lint and types
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

check: test lint ## test and lint

format: $(VENV)/.dev ## put the code in order as lint wants it
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

sanitize: sanitize-address sanitize-thread ## run the kernels' tests under g++'s address, undefined and thread sanitizers

sanitize-address:
	$(call build-sanitized,address)
	$(call preload,asan) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    $(call kernel-tests,address)

# Without random addresses: the thread sanitizer keeps ranges of them for itself.
sanitize-thread:
	$(call build-sanitized,thread)
	$(call preload,tsan) TSAN_OPTIONS=halt_on_error=1:die_after_fork=0 \
	    setarch -R $(call kernel-tests,thread)

report = $(if $(REPORTS),--junitxml=$(REPORTS)/$(1).xml)
# What ARGS chooses may all need torch: pytest then finds nothing to do, which is its status 5.
NONE_IS_RIGHT = $(if $(ARGS),|| [ $$? -eq 5 ])

clean: ## remove .venv, builds, caches and reports
	rm -rf $(VENV) build dist reports unrolled-demo
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.demo: $(INPUTS) $(ANEW)
	$(call set-up,demo)
	@touch $@

$(VENV)/.dev: $(INPUTS) $(ANEW)
	$(call set-up,torch$(comma)text$(comma)audio$(comma)images$(comma)metrics$(comma)demo$(comma)dev)
	@touch $(VENV)/.demo $@

comma := ,

# An environment of its own for each sanitizer, with the package installed in it, and no torch.
# What is preloaded has to come before Python's own memory and threads.
SANITIZED = build/sanitize-$(1)
SANITIZED_TESTS := $(patsubst %,tests/kernels/test_%.py,checks compiled hard_numbers lending raw reproducible steps) \
    $(patsubst %,tests/runtime/test_network_%.py,errors reproducible)
preload = LD_PRELOAD="$$(g++ -print-file-name=lib$(1).so) $$(g++ -print-file-name=libstdc++.so.6)"
kernel-tests = env $(TEST_ENVIRONMENT) $(WITHOUT_TORCH) $(SANITIZED)/venv/bin/python -m pytest -q --capture=no \
    -p no:cacheprovider --hypothesis-profile=few $(SANITIZED_TESTS) $(ARGS)

define build-sanitized
@test -x $(SANITIZED)/venv/bin/pytest || { \
    $(PYTHON) -m venv --clear $(SANITIZED)/venv && PIP_CONSTRAINT=constraints.txt \
    $(SANITIZED)/venv/bin/python -m pip install --disable-pip-version-check hypothesis numpy pytest; }
CXX=g++ PIP_CONSTRAINT=constraints.txt $(SANITIZED)/venv/bin/python -m pip install \
    --disable-pip-version-check --no-deps --force-reinstall --config-settings=build-dir=$(SANITIZED)/cmake \
    --config-settings=cmake.build-type=Debug --config-settings=cmake.define.UNROLLED_SANITIZE=$(1) .
endef

# What is imported is compiled then: all of it takes longer to compile, and a quarter of the space.
# The constraints are given by the environment so that they hold for the build's own needs too.
define set-up
@set -e; \
if $(IS_WHOLE); then \
    made_by=$$(sed -n 1p $(VENV)/.whole); \
else \
    made_by=$$({ $(PYTHON) --version; } 2>&1) \
        || { echo "$(PYTHON) cannot be run; name a Python 3.10 to 3.13 by: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }; \
    case "$$made_by" in "Python 3.10."*|"Python 3.11."*|"Python 3.12."*|"Python 3.13."*) ;; \
        *) echo "$(PYTHON) is $$made_by, unrolled needs Python 3.10 to 3.13; name one by: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1;; esac; \
    $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
        || { echo "$(PYTHON) lacks the module venv; install it (Debian, Ubuntu: apt-get install python3-venv) or name another Python by PYTHON=..." >&2; exit 1; }; \
    echo "Making $(VENV) with $$made_by; the first time takes a few minutes."; \
    rm -rf $(VENV); \
    $(PYTHON) -m venv $(VENV); \
fi; \
rm -f $(VENV)/.whole; \
PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --disable-pip-version-check --no-compile -e '.[$(1)]'; \
printf '%s\n%s\n' "$$made_by" "$$(pwd)" > $(VENV)/.whole
endef
