#!/bin/bash
# fuzz.sh -j N -t SECONDS BUILD TARGET...: runs each libFuzzer target for SECONDS, N at a time, from
# its committed corpus. New inputs stay in BUILD/fuzz; one that crashes is printed with its path, to
# be committed to tests/fuzz/corpus with the fix. Last line: "N passed, N failed".
set -u

jobs=1 seconds=60
while getopts j:t: option; do
	case $option in
	j) jobs=$OPTARG ;;
	t) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
build=$1
shift

export ASAN_OPTIONS=allocator_may_return_null=1
export OPENBLAS_NUM_THREADS=1

fuzz_one() {
	local name=${1#fuzz_} work=$build/fuzz/$1 seeds dictionary=()
	mkdir -p "$work/corpus" "$work/crashes"
	seeds=tests/fuzz/corpus/$name
	[ ! -e "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
	"$build/tests/fuzz/$1" "${dictionary[@]}" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3072 \
		-malloc_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/crashes/" \
		"$work/corpus" $([ ! -d "$seeds" ] || echo "$seeds") >"$work/log" 2>&1 </dev/null
	echo $? >"$work/status"
}

running=0
for target in "$@"; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
	fuzz_one "$target" &
	running=$((running + 1))
done
wait

passed=0 failed=0
for target in "$@"; do
	work=$build/fuzz/$target
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
	if [ "$(cat "$work/status")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		passed=$((passed + 1))
		echo "--- $target: $runs inputs in $seconds s, none failed"
	else
		failed=$((failed + 1))
		echo "--- $target: failed after ${runs:-no} inputs"
		tail -n 60 "$work/log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
