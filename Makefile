# Each target sets up what it needs in .venv, from the versions that constraints.txt locks.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DB ?= sqlite
T ?= tests
# One more than cores, since tests wait as well: for processes, browsers and databases.
JOBS ?= $(shell expr $$(nproc) + 1)

# Processes of tests start in half the time from bytecode that the first of them has kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long lint format schema docs bench

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything in it.

$(READY): constraints.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "quayside needs Python 3.11 or newer; name one: make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

run: $(READY) ## Serve the registry on http://127.0.0.1:8080 from ./data.
	@exec $(BIN)/quayside serve

test: $(READY) ## Run the tests. DB=postgres for PostgreSQL, T=path for some of them.
	TEST_DB=$(DB) $(BIN)/pytest -n $(JOBS) --dist worksteal $(T)

test-long: $(READY) ## Try at length what make test tries in part: random examples, large blobs. DB and T as above.
	TEST_DB=$(DB) TEST_SCALE=25 $(BIN)/pytest -n $(JOBS) -m long --durations=10 $(T)

lint: $(READY) ## Check style, types and the layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## Bring the style into order.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(READY) ## Write schema/schema.graphql from the code.
	@$(BIN)/quayside schema > schema/schema.graphql.new
	@mv schema/schema.graphql.new schema/schema.graphql

docs: $(READY) ## Write the tables of docs/ that are made from the code.
	@$(BIN)/python -m tests.docs

bench: $(READY) ## Measure speed and memory, beside a peer where there is one.
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench.tags
	@$(BIN)/python -m tests.bench.many
	@$(BIN)/python -m tests.bench.sizes
	@$(BIN)/python -m tests.bench.bystanders
	@$(BIN)/python -m tests.bench.pruning
	@$(BIN)/python -m tests.bench.recount
	@$(BIN)/python -m tests.bench.mirror
	@$(BIN)/python -m tests.bench.cache
	@$(BIN)/python -m tests.bench.builds
	@$(BIN)/python -m tests.bench.inside
	@$(BIN)/python -m tests.bench.layers
	@$(BIN)/python -m tests.bench.rematch
