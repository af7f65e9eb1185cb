# `make train` and `make test` do everything on a fresh machine; the other targets are their parts.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Half as many again as cores: tests of roles wait for processes most of their time.
TEST_JOBS ?= $(shell echo $$(( ($$(nproc 2>/dev/null || echo 2) * 3 + 1) / 2 )))
CPP_SOURCES := $(shell find cpp -name '*.h' -o -name '*.cpp')
RUN ?= runs/ultimate_ttt

.PHONY: help setup train test test-long bench docs lint format sanitize wheel clean

help:
	@echo "make train      train Ultimate Tic-Tac-Toe on this machine for a few minutes, then measure it"
	@echo "make test       the quick tests          make test-long  soak, learning and kill campaigns"
	@echo "make bench      speed of every hot path  make lint       format, lint and type checks"
	@echo "make setup      environment in .venv     make sanitize   the core under its sanitizers"
	@echo "make docs       the documents as a site, every link checked"
	@echo "make wheel      sdist and wheel in dist/"

setup: $(VENV)/.build-tools
	@$(MAKE) --no-print-directory -j2 $(VENV)/.packages $(VENV)/.core
	@echo "setup: done; the command is $(BIN)/zerofleet"

# Everything in one environment. torch is pinned by constraints.txt, also inside build environments.
PIP_INSTALL := PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install -q --disable-pip-version-check --no-warn-conflicts

$(VENV)/.build-tools: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make setup: Python 3.11 or newer is needed, $(PYTHON) is `$(PYTHON) --version 2>&1`; try make setup PYTHON=python3.11"; exit 1; }
	@command -v $${CXX:-c++} >/dev/null || \
	  { echo "make setup: no C++ compiler found; install one (Debian: apt-get install g++) or set CXX"; exit 1; }
	@echo "setup: an environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PYTHON) scripts/requirements.py --build | $(PIP_INSTALL) -r /dev/stdin
	@touch $@

# Packages are copied while the core is compiled.
$(VENV)/.packages: $(VENV)/.build-tools
	@echo "setup: installing torch and tools (about a minute, 2 GB)"
	@$(PYTHON) scripts/requirements.py train cpu openspiel spiking ssh ray s3 web zstd docs dev | $(PIP_INSTALL) -r /dev/stdin
	@touch $@

# A plain editable install: nothing is rebuilt at import, `make setup` rebuilds when sources change.
$(VENV)/.core: $(VENV)/.build-tools CMakeLists.txt $(CPP_SOURCES)
	@echo "setup: building the core (about two minutes on two cores)"
	@$(PIP_INSTALL) --no-build-isolation --no-deps \
	  --config-settings=build-dir=build/editable --config-settings=cmake.define.ZEROFLEET_WERROR=ON -e .
	@cp build/editable/_core.pyi src/zerofleet/_core.pyi
	@touch $@

train: setup
	$(BIN)/zerofleet train ultimate_ttt --run-dir $(RUN) --workers 2 --minutes 6 \
	  --set search.depth=2 --set pacing.min_new_positions=500000 --set replay.max_positions=1500000 \
	  --set training.train_epochs=2 --set training.batch_size=4096 --set arena.eval_games=40 \
	  --set arena.final_games=1000

test: setup
	$(BIN)/python -m pytest -n $(TEST_JOBS) -m "not long" --durations=20

test-long: setup
	$(BIN)/python -m pytest -m long --timeout 7200

bench: setup
	$(BIN)/python -m benchmarks

docs: setup
	$(BIN)/python scripts/docs_site.py

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run -Werror $(CPP_SOURCES)
	$(BIN)/mypy

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(CPP_SOURCES)

# Sections without threads say nothing to the thread sanitizer.
SANITIZE = dir=build/sanitize-$(firstword $(subst $(comma), ,$(1))); \
	$(BIN)/cmake -S . -B $$dir -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DCMAKE_BUILD_TYPE=Release -DZEROFLEET_SANITIZE=$(1) -DZEROFLEET_PYTHON=OFF \
	  -DZEROFLEET_WERROR=ON >/dev/null && $(BIN)/cmake --build $$dir --target selfcheck
comma := ,

sanitize: setup
	@$(call SANITIZE,address$(comma)undefined)
	@$(call SANITIZE,thread)
	@printf '%s\n' address/selfcheck 'thread/selfcheck mcts' 'thread/selfcheck nnue_threads pool samples players search' | \
	  xargs -P 3 -I{} sh -c 'build/sanitize-{}'

# The wheel is built from the sdist, so that this one is known to be whole; then it is repaired to the
# manylinux tag of what it needs, installed into an empty environment and tried.
wheel: $(VENV)/.build-tools
	@$(PYTHON) scripts/requirements.py dist | $(PIP_INSTALL) -r /dev/stdin
	rm -rf dist build/dist
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build --outdir build/dist
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/auditwheel repair --strip --wheel-dir dist build/dist/*.whl
	mv build/dist/*.tar.gz dist/
	$(PYTHON) -m venv --clear build/empty
	build/empty/bin/python -m pip install -q --disable-pip-version-check dist/*.whl
	build/empty/bin/python scripts/try_install.py

clean:
	rm -rf build dist REVISION $(VENV) src/zerofleet/_core.pyi
