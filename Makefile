# Bichron. `make` alone prints this menu; everything installs what it needs, again and again without harm.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix web
PAGES := server/static/dist/.vite/manifest.json

.PHONY: help run demo test check lint types unit web-check media faults e2e fuzz firefox bench-fanout bench-join bench-breakout bench-capacity bench-idle bench-lipsync bench-loss bench-stills bench-storm format lock generate build clean

help: ## Print this menu
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: $(VENV)/.run $(PAGES) ## Set up and serve on http://localhost:8080 (stop with Ctrl-C)
	@$(BIN)/bichron serve $(ARGS)

demo: $(VENV)/.run $(PAGES) ## A scripted class with real WebRTC peers, recorded and checked (KEEP=1 goes on serving)
	@$(BIN)/bichron demo $(if $(KEEP),--keep) $(ARGS)

test: check media faults e2e ## Set up and run every check that CI runs
	@if tools/setup firefox && tools/netns-veth true; then $(MAKE) --no-print-directory firefox; \
	else echo "Firefox could not be set up, and was not tested."; fi
	@echo "All checks passed."

check: lint types unit web-check ## The fast part: lint, types, imports, unit tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/pytest -q -n 2 --ignore=tests/e2e --ignore=tests/faults -m "not media and not e2e"

web-check: web/node_modules/.stamp
	$(NPM) run --silent check
	$(NPM) run --silent test

media: $(VENV)/.dev $(PAGES) ## Real WebRTC peers through the real server, over loopback
	$(BIN)/pytest -q tests/media -m media

faults: $(VENV)/.dev $(PAGES) ## What goes wrong: kills, torn files, hostile packets
	$(BIN)/pytest -q tests/faults

fuzz: $(VENV)/.fuzz ## Coverage-guided fuzzing of what takes bytes from outside (ARGS="--seconds 60 stun rtcp")
	@nice $(BIN)/python -m tests.fuzz $(ARGS)

e2e: $(VENV)/.dev $(VENV)/.chromium $(PAGES) ## Real Chromium, in a network namespace of its own
	tools/netns $(BIN)/pytest -q tests/e2e

firefox: $(VENV)/.dev $(VENV)/.firefox $(PAGES) ## Real Firefox, in a network namespace with a card of its own
	tools/netns-veth $(BIN)/pytest -q tests/e2e/test_firefox.py

bench-fanout: $(VENV)/.dev ## CPU time per forwarded packet beside Janus and bare C (see bench/README.md)
	@$(BIN)/python -m bench.fanout $(ARGS)

bench-join: $(VENV)/.dev $(VENV)/.chromium $(PAGES) ## Click to first frame in Chromium; five hundred people in ten seconds
	@tools/netns $(BIN)/python -m bench.join $(ARGS)

bench-breakout: $(VENV)/.dev $(VENV)/.chromium $(PAGES) ## Into groups: time to the first packet, and to the first frame in Chromium
	@tools/netns $(BIN)/python -m bench.breakout $(ARGS)

bench-capacity: $(VENV)/.dev ## How many learners one core carries
	@tools/netns $(BIN)/python -m bench.capacity $(ARGS)

bench-idle: $(VENV)/.dev ## What five hundred people cost who just sit there
	@tools/netns $(BIN)/python -m bench.idle $(ARGS)

bench-lipsync: $(VENV)/.dev $(VENV)/.chromium $(PAGES) ## How far apart lips and voice are in Chromium, for ten minutes
	@tools/netns $(BIN)/python -m bench.lipsync $(ARGS)

bench-loss: $(VENV)/.dev $(VENV)/.chromium $(PAGES) ## What a bad network leaves of a call, beside the targets
	@tools/netns $(BIN)/python -m bench.loss $(ARGS)

bench-stills: $(VENV)/.dev $(VENV)/.chromium $(PAGES) ## What a shared screen costs who saves data, beside the same screen live
	@tools/netns $(BIN)/python -m bench.stills $(ARGS)

bench-storm: $(VENV)/.dev ## What ten thousand malformed datagrams a second cost a call
	@$(BIN)/python -m bench.storm --seconds 60 $(ARGS)

build: $(PAGES) ## Build the pages (TypeScript, CSS)

$(PAGES): web/node_modules/.stamp $(shell find web/src web/vite.config.ts web/tsconfig.json -type f 2>/dev/null)
	$(NPM) run --silent build
	@touch $@

web/node_modules/.stamp: web/package.json web/package-lock.json $(VENV)/.run
	@tools/setup node
	$(NPM) ci --no-audit --no-fund
	@touch $@

$(VENV)/.run: requirements.lock pyproject.toml setup.py $(wildcard server/media/native/*.p[yx][dx]) tools/setup
	@tools/setup python requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@tools/setup python requirements-dev.lock
	@touch $@

$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	@tools/setup python requirements-fuzz.lock
	@touch $@

$(VENV)/.firefox: $(VENV)/.run
	@tools/setup firefox
	@touch $@

$(VENV)/.chromium: $(VENV)/.run
	@tools/setup chromium
	@touch $@

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(VENV)/.dev ## Write the generated types, vectors and documents anew
	$(BIN)/python -m server.http.schema
	$(BIN)/python -m server.http.protocol
	$(BIN)/python -m server.config
	$(BIN)/python -m tests.vectors.make

lock: $(VENV)/.dev ## Resolve the Python dependencies anew
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header \
	    -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header \
	    --extra dev --extra cluster -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header \
	    --extra fuzz -c requirements.lock -o requirements-fuzz.lock pyproject.toml

clean: ## Remove everything that was built or installed here (not ./data)
	rm -rf $(VENV) web/node_modules server/static/dist server/media/native/*.c server/media/native/*.so build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz
