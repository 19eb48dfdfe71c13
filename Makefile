# Gesso. Two commands do the main things, on a fresh machine as well: make run, make test. All of them: make help.

SAMPLE := --content-image assets/samples/photo.jpg --style-image assets/samples/style.jpg
BENCH ?= full
GOTEST ?= go test

.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: help run test bridge packages darwin fuzz race lint bench judge build headless lib screens clean

help: ## show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

run: build ## build, stylize the sample photo into build/first.png, open the window if there is a display
	build/gesso transfer $(SAMPLE) --output build/first.png --force
	@.ci/open-window

test: lib ## run all tests, with the race detector
	@.ci/install build test
	CGO_ENABLED=1 $(GOTEST) -race ./...

bridge: lib ## test the bridge to Core ML against a fake of it, plain, with AddressSanitizer and with the race detector
	@.ci/install build
	.ci/bridge

darwin: ## compile for macOS, without a Mac, as far as that goes
	.ci/darwin

fuzz: lib ## give the readers of models and pictures damaged ones (RUNS=1000: how many)
	@.ci/install build
	.ci/fuzz

packages: lib ## have coremltools read packages that gesso convert writes
	@.ci/install build
	.ci/packages

race: lib ## run all tests five times in random order, with the race detector
	@.ci/install build test
	CGO_ENABLED=1 $(GOTEST) -race -count 5 -shuffle on ./...

lint: ## check form, common mistakes and the direction of the imports
	@.ci/install build
	.ci/lint

bench: headless ## time Gesso beside its peers (BENCH=short: Gesso alone, in under a minute; BENCH=unattended: batches and watches; BENCH=window: the window)
	.ci/bench/run $(BENCH)

judge: headless ## score Gesso's pictures beside the peer's; PAINTINGS=FOLDER holds the paintings
	.ci/bench/judge

build: lib ## compile build/gesso, window and commands
	@.ci/install build
	CGO_ENABLED=1 go build -o build/gesso .

headless: lib ## compile build/gesso-headless, commands only, for machines without X11 or GL
	@.ci/install headless
	CGO_ENABLED=1 go build -tags headless -o build/gesso-headless .

lib: ## fetch ONNX Runtime into build/lib (nothing to do on a Mac)
	@.ci/fetch-onnxruntime

screens: build ## take pictures of the window into build/screens, on a display that needs no screen
	@.ci/install screen
	.ci/screens

clean: ## remove what was built
	rm -rf build
