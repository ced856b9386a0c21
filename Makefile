# make demo   runs the shipped programme on real orders, to the end
# make test   runs everything that must hold: lint, types, layers and all tests

.DEFAULT_GOAL := help
.PHONY: help demo test lint types layers unit format kills delivery-kills ingest-kills fuzz proofs experiments-proof

# The first Python that is new enough; another one: make PYTHON=/path/to/python test
PYTHON := $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed

help:
	@echo "make demo     run the shipped programme on real orders"
	@echo "make test     lint, types, layers and all tests"
	@echo "make lint | types | layers | unit     one of them"
	@echo "make kills    end workers and server at random moments; KILLS=200 says how often, KILL_SEED=1 when"
	@echo "make delivery-kills   end the delivery worker while messages are on their way; KILLS=100, MESSAGES=1000"
	@echo "make ingest-kills     end who takes events in and who routes them; KILLS=100 on each store"
	@echo "make fuzz     try 100,000 damaged files on parser, checker and compiler; JOURNEYFLOW_FUZZ says how many"
	@echo "make proofs   caps under contention, opt-outs at random moments, the gate against a model: all of it"
	@echo "make experiments-proof   of those, what is about experiments: who gets what, and how often verdicts are wrong"
	@echo "make format   put the code into the usual form"

demo: $(INSTALLED)
	@$(BIN)/journeyflow demo

test: lint types layers unit

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports --no-logo

unit: $(INSTALLED)
	$(BIN)/pytest -n auto --maxprocesses 8

fuzz: $(INSTALLED)
	JOURNEYFLOW_FUZZ=$(or $(JOURNEYFLOW_FUZZ),100000) $(BIN)/pytest tests/language/test_fuzz.py -n 2 --timeout=0

delivery-kills: $(INSTALLED)
	DELIVERY_KILLS=$(or $(KILLS),100) DELIVERY_MESSAGES=$(or $(MESSAGES),1000) KILL_SEED=$(or $(KILL_SEED),1) \
		$(BIN)/pytest tests/e2e/test_delivery_kills.py -o log_cli=true --log-cli-level=INFO

ingest-kills: $(INSTALLED)
	INGEST_KILLS=$(or $(KILLS),100) KILL_SEED=$(or $(KILL_SEED),1) \
		$(BIN)/pytest tests/e2e/test_ingest_kills.py -o log_cli=true --log-cli-level=INFO

kills: $(INSTALLED)
	KILLS=$(or $(KILLS),200) KILL_SEED=$(or $(KILL_SEED),1) $(BIN)/pytest tests/e2e/test_random_kills.py

proofs: $(INSTALLED)
	JOURNEYFLOW_PROOFS=full $(BIN)/pytest tests/proofs -n 2 --timeout=0

experiments-proof: $(INSTALLED)
	JOURNEYFLOW_PROOFS=full $(BIN)/pytest tests/proofs/test_assignment.py tests/proofs/test_delay.py \
		tests/proofs/test_verdicts.py -n 2 --dist loadfile --timeout=0

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "journeyflow needs Python 3.11 or newer; install it and run make again" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@
