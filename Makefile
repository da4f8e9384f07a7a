# Two commands do everything: `make run` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
# The first Python that the project supports.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup run verify bench test lint audit format ui

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/installed ## make .venv and install the pinned dependencies

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; none was found."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	# With this template, the pages of `dvc plots` need no internet.
	python -m imdb_rnn.plots_page
	dvc config --local plots.html_template "$(CURDIR)/.cache/plots.html"
	@touch $@

run: setup ## the whole pipeline, from the reviews to the report
	@began=$$(date +%s) && dvc repro && { imdb-rnn track || true; } && \
		imdb-rnn summary --seconds $$(($$(date +%s) - began))

verify: setup ## the pipeline again in a clean copy: are the bytes the same?
	imdb-rnn verify

test: setup lint ## every test
	pytest

lint: setup ## formatting, lint rules, types
	ruff format --check
	ruff check
	mypy

format: setup ## rewrite the code in the project's format
	ruff format
	ruff check --fix

bench: setup $(VENV)/bench-installed ## side by side with other libraries, about 45 minutes
	python -m benchmarks
	python -m benchmarks.notebook_speed

$(VENV)/bench-installed: $(VENV)/installed
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev,bench]' || \
		echo "Some libraries cannot be installed; their rows will say so."
	@touch $@

ui: setup ## MLflow on http://127.0.0.1:5000
	imdb-rnn ui
