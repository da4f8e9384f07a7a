# Two commands do everything: `make run` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
AUDIT := .cache/audit
# The newest Python that the project supports, of those that can make a virtual environment.
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
	&& echo $$python && break; done)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# What a user's shell has set for other environments: pip would install elsewhere, or nothing.
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS PIP_DRY_RUN PYTHONHOME PYTHONPATH

.PHONY: help setup run verify bench test test-fast pytest lint audit format ui

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

setup: $(VENV)/installed ## make .venv and install the pinned dependencies

# Programs in a virtual environment name its folder: one that was moved or copied is made anew.
ifneq "$(shell cat $(VENV)/installed 2>/dev/null)" "$(CURDIR)"
.PHONY: $(VENV)/installed
endif

# An unpacked archive has no Git repository, which DVC has to be told. The template is for the pages
# of `dvc plots`, which then need no internet.
$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12, 3.13 or 3.14 is needed, with its module venv;" \
		"none was found. Debian and Ubuntu: sudo apt install python3-venv. macOS: brew install python." \
		"Others: python.org. Elsewhere than on the path: make PYTHON=/its/path $(MAKECMDGOALS)"; exit 2; }
	@test ! -L $(VENV) || rm $(VENV) # a link is replaced, not what it leads to
	"$(PYTHON)" -m venv $$(test ! -e $@ || echo --clear) $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-user \
		--constraint constraints.txt --editable '.[dev]'
	@git ls-files --error-unmatch dvc.yaml >/dev/null 2>&1 || test -e .git || \
		dvc config --local core.no_scm true
	@python -m imdb_rnn.report.plots_page
	@dvc config --local plots.html_template "$(CURDIR)/.cache/plots.html"
	@printf '%s\n' "$(CURDIR)" > $@

# Each program on a line of its own: what asks make to end, make passes on to that program alone, and
# a shell between them would not. Make expands all lines before the first, $(shell date) too.
run: setup ## the whole pipeline, from the reviews to the report
	@imdb-rnn check
	@dvc repro
	@-imdb-rnn track
	@imdb-rnn summary --seconds $$(($$(date +%s) - $(shell date +%s)))

verify: setup ## the pipeline again in a clean copy: are the bytes the same?
	imdb-rnn verify

test: setup ## every test, and the linters beside them
	@$(MAKE) --no-print-directory --jobs 2 lint pytest

test-fast: setup ## the tests for whoever edits, about two minutes: no DVC, no server
	OMP_NUM_THREADS=1 pytest --numprocesses 2 --no-loadscope-reorder -m 'not slow'

# A core for each process, so a thread for each.
pytest: setup
	OMP_NUM_THREADS=1 pytest --numprocesses auto --maxprocesses 4 --no-loadscope-reorder

lint: setup ## formatting, lint rules, types, layers
	ruff format --check
	ruff check
	mypy
	lint-imports

audit: ## known vulnerabilities of the pinned packages; docs/security.md has those that are accepted
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && \
		$(AUDIT)/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1; }
	@$(PYTHON) -c "from urllib.request import urlopen; urlopen('https://pypi.org/pypi/pip/json', timeout=10)" \
		2>/dev/null || { echo "pypi.org, which knows of vulnerabilities, cannot be reached;" \
		"nothing was audited. Run this where there is internet."; exit 1; }
	$(AUDIT)/bin/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt \
		$(addprefix --ignore-vuln ,$(shell sed -nE 's/^\| ([A-Z]+-[^ ]+) .*/\1/p' docs/security.md))

format: setup ## rewrite the code in the project's format
	ruff format
	ruff check --fix

# One library at a time, so that one which cannot be installed does not take the others with it.
PEERS = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"])
bench: setup ## side by side with other libraries, about an hour
	@for peer in $$(python -c '$(PEERS)'); do \
		python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $$peer || \
		echo "$$peer cannot be installed; its rows will say so. \`make bench\` tries it again."; \
	done
	python -m benchmarks
	python -m benchmarks.notebook_speed

ui: setup ## MLflow on http://127.0.0.1:5000
	imdb-rnn ui
