# make help: what there is
PYTHON ?= python3
CC ?= cc
STRICT = -std=c11 -g -Wall -Wextra -Werror -Wconversion -Wshadow -pthread
SOURCES = $(sort $(wildcard native/*.c))
HEADERS = $(wildcard native/*.h)
BINARY = src/vestige/_bin/vestige-recorder

.PHONY: help native sanitize fuzz check lint types test bench stress clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

native: $(BINARY) ## build the recorder into the source tree

$(BINARY): $(SOURCES) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(STRICT) -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -o $@.new $(SOURCES)
	mv $@.new $@

clean: ## remove what was built
	rm -rf native/build build dist src/vestige/_bin src/*.egg-info
