.DEFAULT_GOAL := help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    := 2000x
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: generate
generate: ## Generate gen/ from api/openapi.yaml
	go generate ./...

.PHONY: test
test: ## Run the tests
	go test ./...

.PHONY: race
race: ## Run the tests under the race detector, in random order
	go test -race -shuffle=on ./...

.PHONY: lint
lint: ## Check formatting, vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt'ed"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	cd testdata/bench && go vet ./...

.PHONY: stale
stale: ## Check that gen/ and go.mod are what the sources make of them
	go generate ./...
	git diff --exit-code -- gen
	@test -z "$$(git status --porcelain -- gen)" || { git status --porcelain -- gen; exit 1; }
	go mod tidy -diff

.PHONY: interop
interop: ## Drive the emulator with the official twilio-go
	cd testdata/interop && go vet ./... && go test -count=1 ./...

.PHONY: consumer
consumer: ## Use the client from a module of its own
	cd testdata/consumer && go vet ./... && go test ./...

.PHONY: inspector
inspector: ## Drive the emulator's page in Chromium, which is installed if that is possible
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { \
		echo "chromium is missing"; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq chromium; \
		else echo "install it (Debian, as root: apt-get install chromium) and run make inspector again"; exit 1; fi; }
	cd testdata/inspector && go vet ./... && go test -count=1 ./...

.PHONY: drill
drill: ## Rehearse a change of the description; V=-v shows each step
	go vet ./testdata/drill
	go test $(V) ./testdata/drill

.PHONY: fuzz
fuzz: ## Fuzz each target, FUZZTIME=1m for longer than in CI
	@for pkg in ./client ./client/conversationstest; do \
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
bench: ## Measure against hand-written code and twilio-go (minutes; better on a quiet machine)
	cd testdata/bench && go run . -write

.PHONY: vuln
vuln: ## Look for known vulnerabilities in the dependencies
	go run $(GOVULNCHECK) ./...

.PHONY: check
check: test race lint stale fuzz interop consumer inspector drill ## All that CI checks
