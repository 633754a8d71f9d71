# The commands of a working day. `make` alone lists them.

include .ci/versions

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory

# Profile and further flags of a run: make validate PROFILE=nightly ARGS="--postgres local"
PROFILE ?= pr
ARGS ?=

# An empty environment is enough: Go is looked for in its usual place, and
# what needs a home directory gets one inside the tree.
GO := $(firstword $(shell command -v go 2>/dev/null) $(wildcard /usr/local/go/bin/go /usr/lib/go/bin/go) go)
export PATH := $(if $(findstring /,$(GO)),$(dir $(GO)):)$(or $(PATH),/usr/local/bin:/usr/bin:/bin)
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/.cache/home
export GOFLAGS := $(GOFLAGS) -modcacherw
endif

# The version is read from git, unless there is none or the tree belongs to
# someone else, which git refuses to look at.
VCS := $(if $(shell git rev-parse --verify --quiet HEAD 2>/dev/null),true,false)

GOLANGCI_LINT_BIN := bin/tools/golangci-lint-$(GOLANGCI_LINT)
GOVULNCHECK_BIN := bin/tools/govulncheck-$(GOVULNCHECK)
ACTIONLINT_BIN := bin/tools/actionlint-$(ACTIONLINT)

.PHONY: help
help: ## List these commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: need-go ## Build bin/signoff and bin/marketd
	@$(GO) build -trimpath -buildvcs=$(VCS) -o bin/ ./harness/cmd/signoff ./service/cmd/marketd

.PHONY: validate
validate: build ## Run the promises against a real Postgres and sign the report (out/latest)
	@bin/signoff run --profile $(PROFILE) $(ARGS)

.PHONY: test
test: need-go ## Run the tests of the harness and the service
	$(GO) test -timeout 10m ./...

.PHONY: lint
lint: build tools ## Check style, imports, workflows and the list of steps
	@$(GOLANGCI_LINT_BIN) run ./...
	@.ci/check-workflows $(ACTIONLINT_BIN)
	@bin/signoff steps --check

.PHONY: vulnerabilities
vulnerabilities: $(GOVULNCHECK_BIN) ## Compare the code with the Go vulnerability database
	@.ci/vulnerabilities $(GOVULNCHECK_BIN)

.PHONY: bench
bench: need-go bench-monitoring ## Compare the load engine with pgbench, an arm with its twin, and time the partition manager and the monitoring
	$(GO) test -run '^$$' -bench 'Status' -benchtime 30x -timeout 5m ./service/partition
	$(GO) test -run '^$$' -bench 'Ensure|Repair' -benchtime 1x -timeout 5m ./service/partition
	$(GO) test -run '^$$' -bench 'Insert|Latency' -benchtime 1x -timeout 15m -v ./harness/load
	$(GO) test -run '^$$' -bench AA -benchtime 1x -timeout 30m ./harness/experiment

# The peers of the stream live in a module of their own, so that the product's
# stays lean: make bench-monitoring PEERS="-clients 1000 -seconds 5"
PEERS ?=

.PHONY: bench-monitoring
bench-monitoring: need-go ## Measure the stream beside its peers, and what monitoring costs (some 8 minutes)
	$(GO) build -C service/stream/peers -mod=mod -trimpath -o ../../../bin/peers .
	bin/peers $(PEERS)
	$(GO) test -run '^$$' -bench Monitoring -benchtime 1x -timeout 10m -v ./service/cmd/marketd

# RUNS is how often an arm is compared with its twin; each planted slowdown is
# looked for half as often. QUIET is how many seconds each experiment may wait
# for a machine on which nothing else runs: make calibrate RUNS=20 QUIET=60
RUNS ?= 200
QUIET ?= 0

.PHONY: calibrate
calibrate: need-go ## Count how often verdicts on twins and on planted slowdowns are right (some 90 minutes; RUNS=20 for a tenth)
	@RUNS=$(RUNS) QUIET=$(QUIET) $(GO) test -run '^$$' -bench Calibrate -benchtime 1x -timeout 0 -v ./harness/experiment

.PHONY: serve
serve: build ## Run the service on a Postgres of its own, with a market that trades
	@bin/signoff serve $(ARGS)

.PHONY: steps
steps: build ## Write features/STEPS.md, the list of sentences a feature may use
	@bin/signoff steps

.PHONY: postgres-image
postgres-image: ## Build a Postgres image from Debian packages, where no registry is reached
	@.ci/postgres-image

.PHONY: tools
tools: $(GOLANGCI_LINT_BIN) $(GOVULNCHECK_BIN) $(ACTIONLINT_BIN) ## Build the linters (some minutes the first time)

.PHONY: clean
clean: ## Remove what the other commands made in this directory
	@rm -rf bin out .cache

.PHONY: need-go
need-go:
	@$(GO) version >/dev/null 2>&1 || { echo "Go 1.26 or newer is needed: https://go.dev/dl" >&2; exit 2; }

$(GOLANGCI_LINT_BIN): | need-go
	@.ci/tool $(GO) github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT) $@

$(GOVULNCHECK_BIN): | need-go
	@.ci/tool $(GO) golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) $@

$(ACTIONLINT_BIN): | need-go
	@.ci/tool $(GO) github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT) $@
