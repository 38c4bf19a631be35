# make demo              draw the synthetic cohort and run the study of it
# make simulated-study   simulate the published study and run it from its measures
# make test              run all tests
# make help              list all targets
# Each target first creates the environment if necessary.

.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
GROUPED := --dist loadgroup --no-loadscope-reorder
RUN := env -u PYTHONDONTWRITEBYTECODE OMP_WAIT_POLICY=PASSIVE PATH="$(CURDIR)/$(BIN):$$PATH"
# The tests use small matrices, for which the synchronization of BLAS threads takes longer than the computation.
RUN_TESTS := OPENBLAS_NUM_THREADS=1 $(RUN)
TEST = $(RUN_TESTS) python tests/run.py --processes $(PROCESSES)

.PHONY: help setup browser crate-check images demo simulated-study check format test test-fast test-workflow test-slurm test-all durations \
	bench docs model clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/ready  ## create the virtual environment .venv with the pinned versions of all dependencies

# torch is installed first so that the other packages use the build of torch that pip selected.
$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
		{ echo "Python 3.11, 3.12, or 3.13 is required; found: $$($(PYTHON) --version 2>&1). Specify the interpreter: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "The Python module venv is required. On Debian and Ubuntu, install it: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[gpu,launch,test]'
	touch $@

# The tests of pages require Chromium. Without it, pytest skips them and lists them at the end of its output.
browser:  ## install Chromium for the tests of pages (requires root and apt), or print a warning
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v "$$name" >/dev/null && exit 0; done; \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update --quiet --quiet && \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends chromium; } || \
		echo "Chromium was not found and could not be installed; the browser tests of pages will be skipped" >&2

# roc-validator has an environment of its own because it requires enum-tools, which is licensed under the LGPL. Without it,
# the test of the RO-Crate is skipped.
.crate-check/ready: tests/crate/requirements.txt
	$(PYTHON) -m venv .crate-check
	.crate-check/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

crate-check:  ## install the RO-Crate validator in .crate-check, or print a warning
	@$(MAKE) --no-print-directory .crate-check/ready || \
		echo "the RO-Crate validator could not be installed; the test of the RO-Crate will be skipped" >&2

# codespell has an environment of its own because it is licensed under the GPL.
.codespell/ready: tests/language/requirements.txt
	$(PYTHON) -m venv .codespell
	.codespell/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

images: setup  ## draw the images of the synthetic cohort, which config.yaml reads
	$(RUN) python demo/make_cohort.py

demo: setup  ## draw the synthetic cohort and run its study; report: results/demo/report/index.html
	$(RUN) python demo/run.py

simulated-study: setup  ## run the published study on 4102 simulated patients; report: results/simulated_study/report/index.html
	$(RUN) python demo/run.py simulated-study

check: setup .codespell/ready  ## check formatting, lint, types, workflow, generated documents, terms, and spelling
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(RUN) mypy
	$(RUN) snakemake --lint
	$(RUN) python -m ctpop dictionary --check --data docs/data.md --config docs/config.md --captions workflow/captions
	$(RUN) python envs/generate.py --check
	$(RUN) python tests/language/check.py
	git ls-files -z | xargs -0 .codespell/bin/codespell

format: setup  ## format Python and Snakemake files
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
	$(RUN) snakefmt Snakefile workflow/Snakefile workflow/rules

test: setup browser crate-check  ## run all tests, or the tests of one stage: make test STAGE=measure
	$(TEST) $(if $(STAGE),--stage $(STAGE)) $(if $(COUNT_ALL),--count-all)

test-fast: setup  ## run the tests of single modules (folders unit, properties, and reference)
	$(TEST) --fast

test-workflow: setup browser crate-check  ## run the tests of the workflow, reports, pages, commands, and errors, or one part: PART=1/3
	$(RUN_TESTS) python -m pytest --numprocesses $(PROCESSES) $(GROUPED) $(if $(PART),--part $(PART)) \
		tests/workflow tests/reports tests/browser tests/commands tests/errors

test-slurm: setup  ## run the tests on a temporary Slurm cluster (requires root on Debian)
	$(RUN_TESTS) python -m pytest --numprocesses $(PROCESSES) --dist worksteal tests/slurm

test-all: setup browser crate-check  ## run all tests, including the exhaustive tests (hours)
	LAW_EXAMPLES=10 $(TEST) --count-all -m 'exhaustive or not exhaustive'

durations: setup browser crate-check  ## measure the durations of groups of tests, which define their order
	$(RUN_TESTS) python -m pytest --numprocesses $(PROCESSES) $(GROUPED) --ignore tests/slurm --write-durations

bench: images  ## run the segmentation benchmarks and print the results as tables
	$(RUN) python bench/segment.py

docs: setup  ## write the generated files: docs/data.md, docs/config.md, captions, and conda environments
	$(RUN) python -m ctpop dictionary --data docs/data.md --config docs/config.md --captions workflow/captions
	$(RUN) python envs/generate.py

model: setup  ## train the model of the demo (about 40 minutes on two cores)
	$(RUN) python demo/train.py --out workflow/ctpop/resources/models/demo

clean:  ## remove the data and results of the demo and of the simulated study; keep the environment
	rm -rf demo/images demo/simulated_study results/demo results/simulated_study .snakemake
