#!/bin/sh
# Runs the benchmarks: see README.md here. Called by `make bench`, which builds what is needed.
#
#   BUILD=dir         where `make` puts what it makes (default: build)
#   GRADD=file        the server (default: gradd in there)
#   BENCH_SHORT=1     fewer sizes and repetitions, under two minutes
#   BENCH_STRICT=1    a row that misses its target makes the exit code 1
#   BENCH_ONLY=…      names of rows, separated by commas
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
for program in "${GRADD:-$build/gradd}" "$build/bench/floor" "$build/bench/constant" \
	"$build/bench/client" "$build/bench/load" "$build/bench/gen_request" "$build/bench/compute"; do
	if [ ! -x "$program" ]; then
		echo "$program is missing: run \`make bench\`" >&2
		exit 2
	fi
done
# Debian's own python: the packages of the alternative belong to it.
exec /usr/bin/python3 -B tests/bench/bench.py "$build"
