# make help: what there is
PYTHON ?= python3
CC ?= cc
CLANG ?= clang
CROSS ?= aarch64-linux-gnu-gcc
FUZZ_SECONDS ?= 600
KILLS ?= 1000

STRICT = -std=c11 -g -Wall -Wextra -Werror -Wconversion -Wshadow -pthread
HARDENED = -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2
SANITIZED = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
SOURCES = $(sort $(wildcard native/*.c))
HEADERS = $(wildcard native/*.h)
PURE = native/proc.c native/json.c native/calls.c native/name.c native/program.c native/address.c
BINARY = src/vestige/_bin/vestige-recorder
BUILD = native/build

.PHONY: help native sanitized cross fuzz check lint types test sanitize valgrind bench stress clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

native: $(BINARY) ## build the recorder into the source tree

$(BINARY): $(SOURCES) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(STRICT) $(HARDENED) -o $@.new $(SOURCES)
	mv $@.new $@

sanitized: $(BUILD)/vestige-recorder-sanitized ## build the recorder with ASan and UBSan

$(BUILD)/vestige-recorder-sanitized: $(SOURCES) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(STRICT) $(SANITIZED) -o $@ $(SOURCES)

cross: ## compile the recorder for aarch64
	@mkdir -p $(BUILD)
	$(CROSS) $(STRICT) $(HARDENED) -o $(BUILD)/vestige-recorder-aarch64 $(SOURCES)

$(BUILD)/fuzz_%: native/tests/fuzz_%.c $(SOURCES) $(HEADERS)
	@mkdir -p $(@D)
	$(CLANG) $(STRICT) -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< $(PURE)

fuzz: $(BUILD)/fuzz_proc $(BUILD)/fuzz_json $(BUILD)/fuzz_calls ## fuzz the parsers and the event writer, FUZZ_SECONDS each
	for target in $^; do \
		mkdir -p $(BUILD)/corpus-$${target##*/} && \
		$$target -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 $(BUILD)/corpus-$${target##*/} \
			2>&1 | tail -n 8 || exit 1; \
	done

lint: ## ruff
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: ## mypy --strict
	$(PYTHON) -m mypy

test: native ## the tests
	$(PYTHON) -m pytest

sanitize: sanitized ## the tests of the run and of the drop-in, with the sanitized recorder
	VESTIGE_RECORDER=$(abspath $(BUILD)/vestige-recorder-sanitized) ASAN_OPTIONS=detect_leaks=0 \
		$(PYTHON) -m pytest -m "not unsanitized" tests/run tests/duct/test_duct_faults.py tests/duct/test_duct_kills.py

valgrind: native ## the recorder under valgrind
	$(PYTHON) -m pytest tests/native/test_valgrind.py

check: lint types cross test sanitize ## everything that must hold before a change is shared
	$(MAKE) fuzz FUZZ_SECONDS=30

stress: native ## a thousand kills, a gigabyte, every exit code
	$(PYTHON) tests/stress/kills.py --kills $(KILLS)
	$(PYTHON) -m pytest --numprocesses=0 tests/stress/volume.py

bench: native ## measure against the peers, and write docs/bench.md
	$(PYTHON) bench/run.py

clean: ## remove what was built
	rm -rf $(BUILD) build dist src/vestige/_bin src/*.egg-info
