# Everything a contributor runs. `make help` lists the targets.
# Written for the oldest make in use (3.81 on macOS) and for any POSIX sh.

GO      ?= go
CACHE   := $(CURDIR)/.cache
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
MODULE  := github.com/iapeer/iapeer
LDFLAGS := -s -w -X $(MODULE).Version=$(VERSION)
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'

LINT_VERSION := v2.15.0
LINT         := $(CACHE)/bin/golangci-lint-$(LINT_VERSION)

CHECK_FUZZTIME ?= 5s
FUZZTIME       ?= 10m
BENCHTIME      ?= 1s
PLATFORMS      := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

.DEFAULT_GOAL := build
.PHONY: help build deps tools agents fmt fmt-check vet lint arch cross test e2e check fuzz bench microbench demo clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

build: ## bin/iapeer and bin/iapeerd, static
	$(BUILD) -o bin/ ./cmd/iapeer ./cmd/iapeerd

deps: tools agents $(LINT) ## everything the other targets need

tools: ## programs the tests drive: tmux, …
	@sh scripts/tools.sh

agents: ## real agent programs, pinned, under .cache/agents
	@sh scripts/agents.sh "$(CACHE)/agents"

$(LINT):
	@mkdir -p $(CACHE)/bin/tmp
	GOBIN=$(CACHE)/bin/tmp $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(CACHE)/bin/tmp/golangci-lint $(LINT) && rmdir $(CACHE)/bin/tmp

fmt: ## format all Go files
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')

fmt-check:
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$bad" ]; then echo "not formatted (run make fmt):"; echo "$$bad"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

lint: $(LINT) ## golangci-lint
	$(LINT) run ./...

arch: ## the house rules only: arrows, tenancy, sizes
	$(GO) test -count=1 -run '^TestArch' .

cross: ## build for every platform, vet the tests for darwin
	@for p in $(PLATFORMS); do \
		echo "build $$p"; \
		for c in iapeer iapeerd; do \
			GOOS=$${p%/*} GOARCH=$${p#*/} $(BUILD) -o /dev/null ./cmd/$$c || exit 1; \
		done; \
	done
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet -trimpath ./...

# -vet=all vets with the compilation that the tests need anyway.
test: tools agents build ## everything a fresh machine can run, and 5 s of each fuzz target
	@GO="$(GO)" MAKE="$(MAKE)" BESIDE="$(BESIDE)" FUZZTIME=$(CHECK_FUZZTIME) sh scripts/test.sh

e2e: tools agents ## the programs as a whole, with real agents; says what it skipped
	sh scripts/e2e.sh

check: fmt-check $(LINT) ## the gate: all of the above
	@$(MAKE) test BESIDE="lint cross"

fuzz: ## 10 minutes of each fuzz target (FUZZTIME=…)
	FUZZTIME=$(FUZZTIME) sh scripts/fuzz.sh

# MD=-md prints markdown; BENCH='-only accepted -rounds 3' and the like: go run ./bench -help
bench: build ## measurements beside their anchors, one table; minutes
	@sh scripts/bench.sh "$(CACHE)/bench"
	$(GO) run ./bench -bin bin -npm "$(CACHE)/bench" $(MD) $(BENCH)

microbench: ## the packages' own benchmarks
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

demo: build ## a message with its proof, in a sandbox (EXEC=1: no claude, no codex)
	sh scripts/demo.sh

clean: ## remove what was built; keeps .cache
	rm -rf bin
