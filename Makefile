.DEFAULT_GOAL := help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GORELEASER  := github.com/goreleaser/goreleaser/v2@v2.16.0
FUZZTIME    := 2000x
RELEASE     := --snapshot --skip=docker

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: generate
generate: ## Generate gen/ from api/openapi.yaml
	go generate ./...

.PHONY: test
test: ## Run the tests
	go test ./...

.PHONY: race
race: ## Run the tests under the race detector
	go test -race ./...

.PHONY: shuffle
shuffle: ## Run the tests under the race detector, in random order
	go test -race -shuffle=on -count=2 ./...

.PHONY: lint
lint: style ## Check formatting, vet, staticcheck and style
	@files=$$(git ls-files -z '*.go' | xargs -0 gofmt -l) && { test -z "$$files" || { echo "not gofmt'ed: $$files"; exit 1; }; }
	go vet ./...
	go run $(STATICCHECK) ./...
	cd testdata/bench && go vet ./...

.PHONY: style
style: ## Check how comments and tests are written
	go run $(GOLANGCI) run ./... ./testdata/drill ./testdata/upstream

# The copy is a repository of its own, so that git tells what go generate changed, made or removed.
.PHONY: stale
stale: ## Check that what go generate makes and go.mod are what the sources make of them
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
		git ls-files -z --cached --others --exclude-standard | tar -cf - --null -T - | tar -xf - -C "$$copy" && \
		cd "$$copy" && git init -q && git add -A && rm -r gen && \
		go generate ./... && git diff --exit-code && \
		made=$$(git ls-files --others) && { test -z "$$made" || { echo "new: $$made"; exit 1; }; }
	go mod tidy -diff

.PHONY: upstream
upstream: ## Compare api/openapi.yaml with what Twilio's description says
	go run ./testdata/upstream
	go vet ./testdata/upstream
	go test ./testdata/upstream

.PHONY: upstream-fetch
upstream-fetch: ## Renew what Twilio's description says FROM=<file or https URL>, and print what changed
	@go run ./testdata/upstream -from '$(or $(FROM),$(error FROM is missing, a file or an https URL of spec/json/twilio_conversations_v1.json))'

.PHONY: interop
interop: ## Check against the official twilio-go and, if there is node, npm's twilio
	@test -z "$$CI" || .ci/need curl node=nodejs npm
	@cd testdata/interop/node && { command -v npm >/dev/null && npm ci --silent; } || \
		echo "npm's twilio is left out: npm is not installed, or cannot install it"
	cd testdata/interop && go vet ./... && go test -count=1 ./...

.PHONY: consumer
consumer: ## Use the client from modules of their own, with OpenTelemetry and oauth2
	cd testdata/consumer && go vet ./... && go test ./...
	cd testdata/integrations && go vet ./... && go test ./...

.PHONY: inspector
inspector: ## Drive the emulator's page in Chromium, which is installed if that is possible
	@test -z "$$CI" || .ci/need curl
	@command -v google-chrome || command -v chromium-browser || .ci/need chromium
	cd testdata/inspector && go vet ./... && go test -count=1 ./...

.PHONY: drill
drill: ## Rehearse each change of the description, or those of ROW (minutes); V=-v shows each step
	go vet ./testdata/drill
	go test $(V) -timeout 30m -run '/group/$(ROW)' ./testdata/drill

.PHONY: fuzz
fuzz: ## Fuzz each target, FUZZTIME=1m for longer than in CI
	@for pkg in ./api/json ./client ./client/conversationstest ./client/webhook; do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "fuzzing $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

.PHONY: cover
cover: ## Show the coverage of the hand-written packages
	go test -coverpkg=./api/...,./client/... -coverprofile=.coverage.out ./...
	@go tool cover -func=.coverage.out | tail -n 1

.PHONY: bench
bench: ## Measure against hand-written code and twilio-go (minutes; see testdata/bench/README.md)
	cd testdata/bench && go run . -write

.PHONY: vuln
vuln: ## Look for known vulnerabilities in the dependencies of every module
	@for mod in go.mod testdata/*/go.mod; do \
		(cd $$(dirname $$mod) && echo $$mod && go run $(GOVULNCHECK) ./...) || exit 1; \
	done

.PHONY: release
release: ## Build what a release has in .dist, without an image (minutes); RELEASE= publishes
	go run $(GORELEASER) release --clean $(RELEASE)

.PHONY: reproducible
reproducible: release ## Build a release twice, the second time from nothing, and compare
	@first=$$(mktemp -d) && trap 'rm -rf "$$first"' EXIT && cp .dist/checksums.txt "$$first" && \
		GOCACHE="$$first/cache" $(MAKE) release && cmp "$$first/checksums.txt" .dist/checksums.txt

.PHONY: check
check: ROW = a_response_member/string
check: race lint stale upstream fuzz interop consumer inspector drill ## All that CI checks, and one drill
