#!/bin/bash
# sanitized.sh REPORTS COMMAND...: runs the command with the sanitizers' reports going to the folder
# REPORTS, prints them, and fails if there is one: a server that a test started may report something
# that the test itself does not see.
set -u

here=$(cd "$(dirname "$0")" && pwd)
reports=$1
shift
rm -rf "$reports"
mkdir -p "$reports"
reports=$(cd "$reports" && pwd)

# intercept_strstr looks at a string to its end for each match that it finds in it.
export ASAN_OPTIONS=log_path=$reports/asan:allocator_may_return_null=1:intercept_strstr=0
ASAN_OPTIONS+=:detect_stack_use_after_return=1
export UBSAN_OPTIONS=log_path=$reports/ubsan:print_stacktrace=1
export LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
export TSAN_OPTIONS=log_path=$reports/tsan:suppressions=$here/tsan.supp:intercept_strstr=0
TSAN_OPTIONS+=:second_deadlock_stack=1
export OPENBLAS_NUM_THREADS=1
export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-5}
# For tests whose number of rounds is a matter of patience.
export GD_QUICK=1

"$@"
status=$?

found=$(find "$reports" -type f -size +0 | head -n 20)
if [ -n "$found" ]; then
	cat $found
	echo "the sanitizers reported something: see above"
	status=1
fi
exit $status
