# Thin names over the scripts and the program. `make` alone tells what there is.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
.DEFAULT_GOAL := help

# Settings of the operators' verbs. They reach the program by the environment, as they are written: neither Make nor
# the shell reads anything into them.
SPEC ?= vmwright.yaml
STAGE ?= full
override export SPEC := $(value SPEC)
override export LIMIT := $(value LIMIT)
override export STAGE := $(value STAGE)
override export EXTRA_ARGS := $(value EXTRA_ARGS)
override export BUNDLE := $(value BUNDLE)
program := packages/vmwright/dist/vmwright.js

.PHONY: help \
	check ping image-cache provision provision-check provision-stage cleanup cleanup-force cleanup-force-disks \
	benchmark-cold benchmark-report \
	setup setup-test deps-bundle build quickstart quickstart-clean test unit lint typecheck format bench clean

help: # this list
	@awk -F ':.*## ' '/^## / { print (n++ ? "\n" : "") substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Settings: SPEC=file (vmwright.yaml), LIMIT="names" (all), EXTRA_ARGS="options of the command", STAGE=stage.'
	@echo 'For example: make provision SPEC=lab.yaml LIMIT="web db-1" EXTRA_ARGS="--yes"'

## Machines
check: $(program) ## read the spec and say what is wrong with it
	@scripts/operate.sh spec validate

ping: $(program) ## ask the hosts and the guests whether they answer
	@scripts/operate.sh names ping

image-cache: $(program) ## fetch and verify the images
	@scripts/operate.sh names apply --stage image-cache

provision: $(program) ## make the hosts be as the spec says
	@scripts/operate.sh names apply

provision-check: $(program) ## show what provision would do
	@scripts/operate.sh names apply --check

provision-stage: $(program) ## run one stage alone: STAGE=preflight, image-cache, provision or runtime
	@scripts/operate.sh names apply --stage "$$STAGE"

cleanup: $(program) ## show what cleanup-force would remove
	@scripts/operate.sh names destroy --check

cleanup-force: $(program) ## remove the machines, but not their disks
	@scripts/operate.sh names destroy --yes

cleanup-force-disks: $(program) ## remove the machines and their disks
	@scripts/operate.sh names destroy --disks --yes

benchmark-cold: $(program) ## remove and make the machines again, timed; EXTRA_ARGS=--yes really does it
	@scripts/operate.sh names benchmark cold

benchmark-report: $(program) ## show the last run of benchmark-cold
	@scripts/operate.sh options benchmark report

## This machine
setup: ## install what is missing on this machine (packages, Node dependencies), start libvirt
	@scripts/setup.sh

setup-test: # the same, with what tests and benchmarks compare with
	@scripts/setup.sh test

deps-bundle: ## an archive to set up machines without a network: BUNDLE=file
	@[ -x node_modules/.bin/node ] || scripts/setup.sh
	@node --conditions=source scripts/deps-bundle.ts "$$BUNDLE"

build: ## bundle the program, so that ./vmwright runs
	@[ -x node_modules/.bin/node ] || scripts/setup.sh
	@node scripts/build.ts

$(program):
	@[ -x node_modules/.bin/node ] || scripts/setup.sh
	@node scripts/build.ts

quickstart: setup build ## two guests on this machine, from nothing to logged in
	@./vmwright apply -f examples/quickstart.yaml

quickstart-clean: build ## remove what quickstart made
	@./vmwright destroy -f examples/quickstart.yaml --disks --yes

## Development
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
