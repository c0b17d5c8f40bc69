# Uncross. Bare "make" prints what there is.

GO          ?= go
STATICCHECK ?= $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK ?= $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME    ?= 10s
BENCHTIME   ?= 1s
DEV         ?= dev
DEMO        ?= demo
LISTEN      ?= 127.0.0.1:8080
FIX         ?= 127.0.0.1:9880
NODES       ?=

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the binary into bin/uncross
	$(GO) build -o bin/uncross ./cmd/uncross

.PHONY: run
run: build ## set up a development venue in dev/ and serve it on loopback
	bin/uncross serve --dev --data $(DEV)/data --listen $(LISTEN) --fix-listen $(FIX)

.PHONY: demo
demo: build ## run a venue with simulated traders in demo/, to look at; NODES=3 on three nodes, more with DEMOFLAGS="--rate 200"
	bin/uncross demo --data $(DEMO) --listen $(LISTEN) --fix-listen $(FIX) $(if $(NODES),--nodes $(NODES)) $(DEMOFLAGS)

.PHONY: test
test: ## run every test
	$(GO) test ./...

.PHONY: race
race: ## run every test under the race detector, with the costly assertions
	$(GO) test -race -tags invariants -timeout 40m ./...

.PHONY: check
check: ## formatting, vet, staticcheck, known vulnerabilities
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags invariants ./...
	$(STATICCHECK) ./...
	@$(MAKE) --no-print-directory vuln

.PHONY: vuln
vuln: ## known vulnerabilities in what is used (says so when its database cannot be reached)
	@out=$$($(GOVULNCHECK) ./... 2>&1); status=$$?; echo "$$out"; \
	if [ $$status -eq 0 ]; then exit 0; fi; \
	if echo "$$out" | grep -q 'fetching vulnerabilities'; then \
		echo "govulncheck cannot reach its database: known vulnerabilities were NOT checked"; exit 0; fi; \
	exit $$status

.PHONY: fuzz-smoke
fuzz-smoke: ## run every fuzz target for FUZZTIME each
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; run="$(GO) test -run ^$$ -fuzz ^$$target$$ -fuzztime $(FUZZTIME) $$pkg"; \
			$$run || { echo "again: the tool may fail at its own deadline; a real find is kept and fails again"; $$run; }; \
		done; \
	done

.PHONY: bench
bench: ## measure the book, the engine, the durable pipeline, a venue over FIX, and its market data
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./book ./engine ./wal ./replication ./gateway/http ./bench
	$(GO) run ./cmd/uncross bench

.PHONY: interop
interop: ## install stock FIX engines where that can be done, and test against them
	.ci/interop
	$(GO) test -count=1 -v ./gateway/fix/interop

.PHONY: golden
golden: ## rewrite story files and golden vectors, then show what changed
	$(GO) test ./book ./engine ./engine/wire ./internal/sandbox ./gateway/fix/outbox ./gateway/fix/market -args -rewrite
	$(GO) test ./gateway/fix -run 'TestConversation|TestDocs|TestQuickstart' -args -docs
	git diff --stat -- book engine gateway docs

.PHONY: ci
ci: ## what continuous integration runs
	.ci/run
