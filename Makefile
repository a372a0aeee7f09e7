# Every target with a "##" is listed by `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

tools := .tools
programs := api worker scheduler dbfleet
packages := ./...
race_timeout := 30m
test_timeout := 20m

# Folders and files that `make generate` writes and nobody edits.
generated := internal/dbq internal/httpapi/gen client

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs into bin/
	@mkdir -p bin
	go build -trimpath -o bin/ $(programs:%=./cmd/%)

# Ctrl-C reaches the programs, too: they get no second signal, which would cut
# the drain short.
.PHONY: run
run: build ## Run api, scheduler and worker with the settings of the environment
	@trap 'kill $$(jobs -p) 2>/dev/null || true; wait' EXIT; \
	trap 'trap - EXIT; wait; exit 130' INT; trap 'exit 143' TERM; \
	for program in api scheduler worker; do ./bin/$$program & done; \
	wait -n

.PHONY: demo
demo: build ## Sync a demo fleet on private servers below .run/ (DEMO_ONCE=1 ends after the sync)
	DEMO_ONCE="$${DEMO_ONCE:-$(DEMO_ONCE)}" ./bin/dbfleet demo --dir .run

.PHONY: test
test: ## Run every test; servers come from installed binaries or Debian packages
	go test -timeout $(test_timeout) $(packages)

.PHONY: bench
bench: build ## Measure everything beside what it is compared with, below 20 minutes (BENCH=-list, BENCH=-quick)
	go build -trimpath -o bin/ ./internal/bench
	./bin/bench $(BENCH)

.PHONY: race
race: ## Run every test under the race detector
	CGO_ENABLED=1 go test -race -timeout $(race_timeout) $(packages)

.PHONY: fmt
fmt: $(tools)/golangci-lint ## Format all Go files
	$(tools)/golangci-lint fmt

.PHONY: lint
lint: $(tools)/golangci-lint ## Look for faults and departures from the style guide
	$(tools)/golangci-lint run $(packages)

.PHONY: vet
vet: ## Run go vet
	go vet $(packages)

.PHONY: generate
generate: $(tools)/sqlc $(tools)/oapi-codegen ## Generate the code for SQL and for the HTTP API
	$(tools)/sqlc generate
	$(tools)/oapi-codegen -config internal/httpapi/oapi-codegen.yaml internal/httpapi/openapi.yaml
	$(tools)/oapi-codegen -config client/oapi-codegen.yaml internal/httpapi/openapi.yaml

# Compared with the files as they were, not with a commit, so that it works
# before one, too. The files as generated stay.
.PHONY: generate-check
generate-check: ## Fail if generated code is not what make generate writes
	@before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	tar -cf - $(generated) | tar -xf - -C "$$before"; \
	$(MAKE) --no-print-directory generate; \
	for dir in $(generated); do \
		diff -ruN "$$before/$$dir" "$$dir" || { \
			echo "generated code was out of step: commit what make generate wrote" >&2; exit 1; }; \
	done

.PHONY: fmt-check
fmt-check: $(tools)/golangci-lint
	$(tools)/golangci-lint fmt --diff

# The linter is a package of npm, pinned by its lock file, which names no
# download address, so that npm's own setting decides where it comes from.
openapi_lint := tools/openapi-lint

.PHONY: openapi-lint
openapi-lint: node-check $(openapi_lint)/node_modules/.installed ## Look for faults in openapi.yaml (needs Node and npm)
	cd $(openapi_lint) && REDOCLY_SUPPRESS_UPDATE_NOTICE=true ./node_modules/.bin/redocly lint --config redocly.yaml ../../internal/httpapi/openapi.yaml

.PHONY: node-check
node-check:
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' \
		2>/dev/null && command -v npm >/dev/null || { \
		echo "make openapi-lint needs npm and Node 20.19 or newer 20, or 22.12 or newer" >&2; exit 1; }

$(openapi_lint)/node_modules/.installed: $(openapi_lint)/package.json $(openapi_lint)/package-lock.json | node-check
	cd $(openapi_lint) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: check
check: generate-check fmt-check lint vet openapi-lint race ## Everything that must be green before a change is done

.PHONY: vulncheck
vulncheck: ## Look for known faults in what we depend on (needs the network)
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 $(packages)

.PHONY: clean
clean: ## Remove what was built; private servers end with the process that started them
	rm -rf bin $(tools) $(openapi_lint)/node_modules coverage.out

# A tool is built from the module that pins its version, and again when that
# changes. The main module does not depend on the tools.
tool_sqlc := github.com/sqlc-dev/sqlc/cmd/sqlc
tool_oapi-codegen := github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
tool_golangci-lint := github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(tools)/%: tools/%/go.mod tools/%/go.sum
	@mkdir -p $(tools)
	cd tools/$* && go build -trimpath -o ../../$@ $(tool_$*)
	@touch $@
