# SPDX-License-Identifier: Apache-2.0
#
# A thin front for meson, ninja and tools/:
#
#   make            builds build/omb
#   make demo       installs what is missing, builds, runs a complete small benchmark
#   make test       installs what is missing, builds, runs all tests; ends with the count
#   make lint       layers, sizes, banned calls, format, clang-tidy (with Debian 12's tools)
#   make format     formats all C files
#   make docs       makes the generated documentation again
#   make test-all   slow, in parts (tools/test-all --list): other compilers, sanitizers and options,
#                   the slow end-to-end tests, fuzzers, a fresh Debian 13
#   make install    honours PREFIX (when first configured) and DESTDIR
#   make clean

BUILD  ?= build
PREFIX ?= /usr/local
# Warnings stop the build, except in "make demo": a compiler newer than ours may have new ones.
WERROR ?= true

.PHONY: all build configure demo test test-all lint format docs install clean

all: build

$(BUILD)/build.ninja:
	@meson setup --prefix=$(PREFIX) -Dwerror=$(WERROR) $(BUILD) >$(BUILD).log 2>&1 || \
		{ cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

configure: $(BUILD)/build.ninja

build: configure
	@ninja -C $(BUILD)

demo: WERROR = false
demo:
	@tools/setup build
	@$(MAKE) --no-print-directory build WERROR=$(WERROR)
	@tools/demo $(BUILD)

test:
	@tools/setup build test
	@$(MAKE) --no-print-directory build
	@tools/test --build $(BUILD)

test-all: test
	@tools/setup
	@tools/test-all

lint:
	@tools/setup build test lint
	@$(MAKE) --no-print-directory build
	@tools/lint.py --build $(BUILD)

format:
	@tools/setup lint
	@tools/lint.py --format

# Options, fields and routes are documented in their tables.
docs: build
	@if [ -x tools/docs ]; then tools/docs --build $(BUILD); fi

install: build
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*
