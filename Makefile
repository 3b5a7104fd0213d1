# make demo, make test: all the set-up there is. PYTHON=... picks another interpreter.

# the first that runs and is new enough; DGL has wheels for 3.11 and 3.12
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# a machine whose own torch sees a GPU keeps that torch
OWN_TORCH := $(shell $(PYTHON) -c 'import torch; print(torch.cuda.is_available())' 2>/dev/null)
BIN := .venv/bin
# of the engine's figures in make bench
DEVICE ?= cpu

.PHONY: demo test lint results bench small clean

demo: .venv/installed
	$(BIN)/kgdrug demo

test: .venv/installed-dev lint
	$(BIN)/python -m pytest -n auto --cov --cov-fail-under=90

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

results: .venv/installed
	$(BIN)/python experiments/results.py

SERVERS := .venv-torchserve/installed .venv-litserve/installed .venv-mlflow/installed
bench: .venv/installed .venv-peers/installed .venv-dicee/installed $(SERVERS)
	$(BIN)/python experiments/benchmarks/bench.py --device $(DEVICE)

# one thread and the same memory allocator for both; SECONDS of search a contestant and data set
SECONDS ?= 60
small: .venv/installed .venv-peers/installed
	OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 \
		$(BIN)/python experiments/benchmarks/small.py --seconds $(SECONDS)

# what kgdrug is measured against, in environments of their own: dicee wants a numpy of its own
.venv-peers/installed: PEERS := pykeen==1.11.1 "pandas<3" torch_geometric==2.8.1
.venv-dicee/installed: PEERS := dicee==0.3.3 "pyarrow<20"
.venv-peers/installed .venv-dicee/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check -q torch==2.13.0 $(PEERS)
	touch $@

# the servers that kgdrug's is measured against, each in an environment of its own; TorchServe needs Java, all need wrk:
# apt-get install -y --no-install-recommends default-jre-headless wrk
.venv-torchserve/installed: PEERS := torchserve==0.12.0 torch-model-archiver==0.12.0 torch==2.13.0 numpy==2.4.6 pyyaml \
	orjson==3.13.0
.venv-litserve/installed: PEERS := litserve==0.2.19 numpy==2.4.6 orjson==3.13.0
.venv-mlflow/installed: PEERS := mlflow==3.17.2 numpy==2.4.6 "uvicorn[standard]==0.54.0" orjson==3.13.0
$(SERVERS):
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check -q $(PEERS)
	touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "kgdrug needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(if $(filter True,$(OWN_TORCH)),--system-site-packages) .venv || { rm -rf .venv; exit 1; }

.venv/constraints.txt: constraints.txt .venv/bin/python
	$(if $(filter True,$(OWN_TORCH)),grep -v '^torch==',cat) constraints.txt > $@

.venv/installed: pyproject.toml .venv/constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c .venv/constraints.txt -e .
	touch $@

.venv/installed-dev: pyproject.toml .venv/constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c .venv/constraints.txt -e '.[dev]'
	touch $@ .venv/installed

clean:
	rm -rf .venv .venv-peers .venv-dicee .venv-torchserve .venv-litserve .venv-mlflow dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
