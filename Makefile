# Thin wrappers over the console script `skilltree`. The first target that runs creates the virtual environment.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PG ?= 18
SKILLTREE := .venv/bin/skilltree

.DEFAULT_GOAL := help
.PHONY: help demo test check format migrate rollback status drift lint seed reset explain budgets bench doctor audit maintain monitor slow indexes psql docs docs-serve clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(SKILLTREE) ## Start the server, migrate, seed, and show a learner's journey through a tree
	@$(SKILLTREE) demo $(ARGS)

test: $(SKILLTREE) ## Run the tests on a throw-away server (PG=18, 16 or 15; ARGS for pytest)
	@$(SKILLTREE) test --pg $(PG) -- $(ARGS)

check: $(SKILLTREE) ## Check query files, style, types, generated code, SQL, migrations and schema
	@$(SKILLTREE) check

format: $(SKILLTREE) ## Format everything, and regenerate generated code, queries/schema.json and schema.sql
	@# First, because the command imports what this generates.
	@.venv/bin/python -m tools.unasync
	@$(SKILLTREE) format

migrate: $(SKILLTREE) ## Apply the pending migrations
	@$(SKILLTREE) migrate $(ARGS)

rollback: $(SKILLTREE) ## Roll back the latest migration, which loses data (ARGS="--count 2", --all, --yes)
	@$(SKILLTREE) rollback $(ARGS)

status: $(SKILLTREE) ## Show which migrations are applied; fail if one is pending
	@$(SKILLTREE) status $(ARGS)

drift: $(SKILLTREE) ## Show how the database differs from its migrations (exit code 2)
	@$(SKILLTREE) drift $(ARGS)

lint: $(SKILLTREE) ## Show what in the schema breaks a rule: row-level security, grants, search paths, indexes
	@$(SKILLTREE) lint $(ARGS)

seed: $(SKILLTREE) ## Write the initial data
	@$(SKILLTREE) seed $(ARGS)

reset: $(SKILLTREE) ## Delete all data: roll back, migrate, seed (ARGS=--yes does not ask)
	@$(SKILLTREE) reset $(ARGS)

explain: $(SKILLTREE) ## Show the plans of queries (QUERY="trees/load trees/list" or all; ARGS="--html plans.html")
	@$(SKILLTREE) explain $(or $(QUERY),all) $(ARGS)

budgets: $(SKILLTREE) ## Measure all queries on a large data set (ARGS=--update writes their budgets)
	@$(SKILLTREE) budgets $(ARGS)

bench: $(SKILLTREE) ## Compare with other ways to use PostgreSQL (ARGS=--write for docs/benchmarks.md)
	@.venv/bin/python -m tools.bench --pg $(PG) $(ARGS)

doctor: $(SKILLTREE) ## Compute all derived data again; fail if it differs (ARGS=--repair repairs it)
	@$(SKILLTREE) doctor $(ARGS)

audit: $(SKILLTREE) ## Create the audit trail's partitions for the coming months (ARGS="--keep 24" drops old ones)
	@$(SKILLTREE) audit $(ARGS)

maintain: $(SKILLTREE) ## Do the maintenance that is due (ARGS=--dry-run shows it)
	@$(SKILLTREE) maintain $(ARGS)

monitor: $(SKILLTREE) ## Show what happens on the server (ARGS="--watch 2" repeats it)
	@$(SKILLTREE) monitor $(ARGS)

slow: $(SKILLTREE) ## Show the slowest query files with their plans
	@$(SKILLTREE) slow $(ARGS)

indexes: $(SKILLTREE) ## Review the indexes: unused, redundant, invalid, bloated, missing
	@$(SKILLTREE) indexes $(ARGS)

psql: $(SKILLTREE) ## Open psql on the database
	@$(SKILLTREE) psql $(if $(ARGS),-- $(ARGS))

docs: $(SKILLTREE) ## Build the site of the documentation in build/docs/html, without a network
	@.venv/bin/python -m tools.site build

docs-serve: $(SKILLTREE) ## Build the site, and show it on this machine
	@.venv/bin/python -m tools.site serve

clean: ## Remove the embedded server's data, the virtual environment and build artefacts
	@test ! -x $(SKILLTREE) || $(SKILLTREE) clean
	@rm -rf .venv

# Made again when one of these files changes.
$(SKILLTREE): pyproject.toml tools/pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" tools/make_venv.py
