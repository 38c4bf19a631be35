# make demo   sets up, draws the synthetic cohort and runs the whole chain on it
# make simulated-study   simulates the published study and runs the chain on its measures
# make test   sets up and runs all tests
# make help   the rest

.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
GROUPED := --dist loadgroup --no-loadscope-reorder
RUN := env -u PYTHONDONTWRITEBYTECODE OMP_WAIT_POLICY=PASSIVE PATH="$(CURDIR)/$(BIN):$$PATH"
# The matrices of the tests are small: threads of BLAS would spend more time on waiting than on them.
RUN_TESTS := OPENBLAS_NUM_THREADS=1 $(RUN)
TEST = $(RUN_TESTS) python tests/run.py --processes $(PROCESSES)

.PHONY: help setup browser crate-check images demo simulated-study check format test test-fast test-workflow test-slurm test-all durations \
	bench docs model clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/ready  ## create the virtual environment with every pinned dependency

# torch comes first and alone, so that whatever build pip chooses for it is the one that the others find.
$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; found: $$($(PYTHON) --version 2>&1). Name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is needed (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[gpu,launch,test]'
	touch $@

# The tests of pages need a Chromium. Without one they are skipped, and pytest says so at its end.
browser:  ## install Chromium for the tests of pages (root and apt), or tell that it is missing
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v "$$name" >/dev/null && exit 0; done; \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update --quiet --quiet && \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends chromium; } || \
		echo "no Chromium here and none could be installed: the tests of pages in a browser will be skipped" >&2

# An environment apart: of what roc-validator needs, enum-tools is LGPL. Without it the test of the crate is skipped.
.crate-check/ready: tests/crate/requirements.txt
	$(PYTHON) -m venv .crate-check
	.crate-check/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

crate-check:  ## install the validator of RO-Crates in .crate-check, or tell that it is missing
	@$(MAKE) --no-print-directory .crate-check/ready || echo "no validator of RO-Crates here: its test will be skipped" >&2

images: setup  ## draw the synthetic cohort (config.yaml reads it)
	$(RUN) python demo/make_cohort.py

demo: setup  ## the whole chain on the synthetic cohort: results/demo/report/index.html
	$(RUN) python demo/run.py

simulated-study: setup  ## the published study on 4102 simulated people: results/simulated_study/report/index.html
	$(RUN) python demo/run.py simulated-study

check: setup  ## formatting, lint, types, workflow lint, generated documents
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(RUN) mypy
	$(RUN) snakemake --lint
	$(RUN) python -m ctpop dictionary --check --data docs/data.md --config docs/config.md --captions workflow/captions
	$(RUN) python envs/generate.py --check

format: setup  ## format Python and Snakemake files
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
	$(RUN) snakefmt Snakefile workflow/Snakefile workflow/rules

test: setup browser crate-check  ## run all tests, or those of a stage: make test STAGE=measure
	$(TEST) $(if $(STAGE),--stage $(STAGE)) $(if $(COUNT_ALL),--count-all)

test-fast: setup  ## run the tests of single modules (unit, properties, reference)
	$(TEST) --fast

test-workflow: setup browser crate-check  ## run the tests of workflow, reports, pages and commands, or a part: PART=1/3
	$(RUN_TESTS) python -m pytest --numprocesses $(PROCESSES) $(GROUPED) $(if $(PART),--part $(PART)) \
		tests/workflow tests/reports tests/browser tests/commands

test-slurm: setup  ## run the tests on a real Slurm (root on Debian)
	$(RUN_TESTS) python -m pytest --numprocesses $(PROCESSES) --dist worksteal tests/slurm

test-all: setup browser crate-check  ## run all tests and the exhaustive ones (hours)
	LAW_EXAMPLES=10 $(TEST) --count-all -m 'exhaustive or not exhaustive'

durations: setup browser crate-check  ## measure how long groups of tests take, by which they are ordered
	$(RUN_TESTS) python -m pytest --numprocesses $(PROCESSES) $(GROUPED) --ignore tests/slurm --write-durations

bench: images  ## measured comparisons, printed as tables
	$(RUN) python bench/segment.py

docs: setup  ## write docs/data.md, docs/config.md, captions and conda environments anew
	$(RUN) python -m ctpop dictionary --data docs/data.md --config docs/config.md --captions workflow/captions
	$(RUN) python envs/generate.py

model: setup  ## train the demo model again (about 40 minutes on two cores)
	$(RUN) python demo/train.py --out workflow/ctpop/resources/models/demo

clean:  ## remove the data and results of the demo and of the simulated study, keep the environment
	rm -rf demo/images demo/simulated_study results/demo results/simulated_study .snakemake
