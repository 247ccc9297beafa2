#!/bin/bash
# cover.sh BUILD: after the tests ran in BUILD (made with --coverage), prints lines covered by file.
set -eu

build=$1
lcov --quiet --capture --directory "$build/obj" --base-directory . --no-external \
	--output-file "$build/all.info" 2>/dev/null
lcov --quiet --extract "$build/all.info" "$PWD/core/*" "$PWD/api/*" "$PWD/server/*" \
	--output-file "$build/cover.info"
lcov --list "$build/cover.info"
