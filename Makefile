# Everything a checkout needs, from Python 3.11 or newer, make and a package index. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

POETRY_VERSION := 2.5.1
EXPORT_VERSION := 1.10.1
POETRY := .poetry/bin/poetry
PYTHON := .venv/bin/python
PIP := .venv/bin/python -m pip --disable-pip-version-check
READY := .venv/.ready
KAFKA_READY := .kafka/.ready
# Files of tests are shared by some processes, in the order that tests/conftest.py gives them.
SHARED := -n auto --dist loadfile --no-loadscope-reorder
POETRY_READY := .poetry/.ready-$(POETRY_VERSION)-$(EXPORT_VERSION)

# The newest Python of those we know, the plain one last; it must be able to make a virtual environment.
define FIND_PYTHON
found=; \
for candidate in python3.13 python3.12 python3.11 python3; do \
	if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		found=$$candidate; break; \
	fi; \
done; \
if [ -z "$$found" ]; then \
	echo 'cloudigrade needs Python 3.11 or newer with its venv module (on Debian: python3 and python3-venv).' >&2; exit 1; \
fi
endef

.PHONY: help setup test test-kafka test-pgbouncer test-schema fuzz lint demo aws truth bench corpus docs openapi clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## Make .venv with everything in it; quick when nothing has changed

test: $(READY) ## Run all tests, some processes at a time, on an own PostgreSQL or on that of DATABASE_URL
	$(PYTHON) -m pytest $(SHARED)

test-kafka: $(READY) $(KAFKA_READY) ## Run the tests that need a Kafka on a real one (wants Java 17 and Maven)
	$(PYTHON) -m pytest -p tests.apache_kafka -m kafka

test-pgbouncer: $(READY) ## Run the tests of services and APIs through a PgBouncer (wants pgbouncer, 1.18 or newer)
	$(PYTHON) -m pytest $(SHARED) -p tests.pgbouncer tests/services tests/api tests/tasks

test-schema: $(READY) ## Ask the APIs thousands of made-up requests and hold the answers against the documents
	SCHEMA_CASES=60 $(PYTHON) -m pytest tests/schemas

fuzz: $(READY) ## Inspect damaged disks and rpm databases (FUZZ_IMAGES, FUZZ_DATABASES=20000; FUZZ_FROM=0; FUZZ_SEED=1)
	$(PYTHON) -m tests.inspector.fuzzing --images $(or $(FUZZ_IMAGES),20000) --databases $(or $(FUZZ_DATABASES),20000) \
		--from $(or $(FUZZ_FROM),0) --seed $(or $(FUZZ_SEED),1)

lint: $(READY) ## Check format, rules, types, architecture and lock file
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(POETRY) check --lock

demo: $(READY) ## Meter a made-up fleet and serve the answer (DEMO_SERVE=0 ends after printing it)
	.venv/bin/cloudigrade demo $(if $(filter 0,$(DEMO_SERVE)),--once)

aws: $(READY) ## Run a made-up AWS on 127.0.0.1 to try accounts on (EXTERNAL_ID=... makes a customer's account in it; PORT=...)
	@$(PYTHON) -m tests.aws_server $(if $(PORT),--port '$(PORT)') $(if $(EXTERNAL_ID),--external-id '$(EXTERNAL_ID)')

truth: $(READY) ## Meter made-up fleets of seeds 1 to 20 against their truth
	$(PYTHON) -m benchmarks.truth

corpus: $(READY) ## Inspect every disk of the corpus and print the confusion matrix (tools that are missing are named)
	$(PYTHON) -m benchmarks.corpus

bench: $(READY) ## Measure speed and memory against their bars
	$(PYTHON) -m benchmarks

docs: $(READY) ## Write docs/configuration.md anew
	$(PYTHON) -m cloudigrade.config.reference > docs/configuration.md

openapi: $(READY) ## Write the documents of the APIs in docs/openapi anew
	$(PYTHON) -m cloudigrade.config.openapi

clean: ## Remove all that these targets have made
	rm -rf .venv .poetry .kafka .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

$(POETRY_READY):
	@$(FIND_PYTHON); rm -rf .poetry; "$$found" -m venv .poetry
	.poetry/bin/python -m pip --disable-pip-version-check install --quiet \
		poetry==$(POETRY_VERSION) poetry-plugin-export==$(EXPORT_VERSION)
	@touch $@

# The lock is installed by pip and not by `poetry install`, which works with fewer kinds of package index than pip does.
$(READY): poetry.lock pyproject.toml $(POETRY_READY)
	@$(FIND_PYTHON); if [ ! -x $(PYTHON) ] || ! $(PYTHON) -c '' 2>/dev/null; then rm -rf .venv; "$$found" -m venv .venv; fi
	@echo 'Installing what is locked, about 700 MB; this takes a minute or two.'
	$(POETRY) export --quiet --with dev --format requirements.txt --output .venv/requirements.txt
	$(PIP) install --quiet --require-hashes --requirement .venv/requirements.txt
	$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(KAFKA_READY): tests/kafka/pom.xml
	@rm -rf $(@D)
	@echo 'Fetching Apache Kafka, 45 MB.'
	mvn -q -B -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D)
	@touch $@
