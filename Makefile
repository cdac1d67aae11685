# Thin names over the scripts and the program. `make` alone tells what there is.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help setup setup-test build quickstart quickstart-clean test unit lint typecheck format bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing on this machine (packages, Node dependencies), start libvirt
	@scripts/setup.sh

setup-test: # the same, with what tests and benchmarks compare with
	@scripts/setup.sh test

build: ## bundle the program, so that ./vmwright runs
	@[ -x node_modules/.bin/node ] || scripts/setup.sh
	@node scripts/build.ts

quickstart: setup build ## two guests on this machine, from nothing to logged in
	@./vmwright apply -f examples/quickstart.yaml

quickstart-clean: build ## remove what quickstart made
	@./vmwright destroy -f examples/quickstart.yaml --disks --yes

test: setup-test build ## everything: lint, types, unit, contract and acceptance tests (TEST_PROJECTS=unit,contract narrows)
	@node scripts/test.ts

unit: ## the unit tests, which need no set-up beyond Node
	@vitest run --project unit

lint: ## oxlint and prettier
	@oxlint --deny-warnings
	@prettier --check --log-level warn .

typecheck: ## the TypeScript compiler
	@tsc -p tsconfig.json

format: ## let prettier write
	@prettier --write --log-level warn .

bench: setup-test build ## measure, beside yardsticks from the same run; writes bench/results/latest.json
	@node --conditions=source bench/run.ts

clean: ## remove what build made
	@rm -rf packages/*/dist packages/vmwright/dist.partial
