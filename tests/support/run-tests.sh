#!/bin/bash
# Runs test programs and adds up what they report.
#   run-tests.sh [-j N] [-l LOGDIR] PROGRAM... [-s PROGRAM...]
# Programs before -s run N at a time, those behind it one by one. A program's output is printed as a
# whole if it fails, or with VERBOSE=1. Check's summary is counted, or a last line "N passed, N failed";
# a script or a torture_* without one is one test. A program that fails, dies, prints neither or ran
# nothing counts as failed.
# RUN_UNDER in the environment (a command such as valgrind's) goes before each program but scripts.
# The last line is "N passed, N failed"; the exit status is 1 if anything failed.
set -u

jobs=1 logs=
while :; do
	case ${1:-} in
	-j) jobs=$2 ;;
	-l) logs=$2 ;;
	*) break ;;
	esac
	shift 2
done
if [ -z "$logs" ]; then
	logs=$(mktemp -d)
	trap 'rm -rf "$logs"' EXIT
fi
mkdir -p "$logs"
export CK_VERBOSITY=${CK_VERBOSITY:-normal}
# A machine may be busy with something else: only a test that hangs should meet its limit.
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-60}

log_of() {
	echo "$logs/$(basename "$(dirname "$1")")-$(basename "$1")"
}

# Runs one program: output to its log, its status behind it.
run_one() {
	local log start=$SECONDS status
	log=$(log_of "$1")
	case $1 in
	*.sh) bash "$1" >"$log" 2>&1 </dev/null ;;
	*) ${RUN_UNDER:-} "$1" >"$log" 2>&1 </dev/null ;;
	esac
	status=$?
	echo "$status $((SECONDS - start))" >"$log.status"
}

passed=0 failed=0
failures=()

# Reads one program's log, prints it, counts it.
report() {
	local log status seconds line good=0 bad=0
	log=$(log_of "$1")
	read -r status seconds <"$log.status"
	line=$(sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
		"$log" | tail -n 1)
	if [ -n "$line" ]; then
		local checks failures_ errors
		read -r checks failures_ errors <<<"$line"
		bad=$((failures_ + errors))
		good=$((checks - bad))
	elif line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) && [ -n "$line" ]; then
		read -r good _ bad _ <<<"${line//,/}"
	elif [[ $status -eq 0 && ($1 = *.sh || $1 = */torture_*) ]]; then
		good=1
	fi
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "$1: exited with status $status" >>"$log"
		bad=1
	elif [ $((good + bad)) -eq 0 ]; then
		echo "$1: ran no test" >>"$log"
		bad=1
	fi
	printf -- '--- %s (%s s): %s passed, %s failed\n' "$1" "$seconds" "$good" "$bad"
	if [ "$bad" -gt 0 ] || [ -n "${VERBOSE:-}" ]; then
		cat "$log"
		failures+=("$1")
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
}

together=() alone=() list=together
for program in "$@"; do
	if [ "$program" = -s ]; then
		list=alone
	elif [ $list = together ]; then
		together+=("$program")
	else
		alone+=("$program")
	fi
done
for program in "${together[@]}" "${alone[@]}"; do
	rm -f "$(log_of "$program")" "$(log_of "$program").status"
done

running=0
for program in "${together[@]}"; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
	run_one "$program" &
	running=$((running + 1))
done
wait
for program in "${together[@]}"; do
	report "$program"
done
for program in "${alone[@]}"; do
	run_one "$program"
	report "$program"
done

[ "$failed" -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
