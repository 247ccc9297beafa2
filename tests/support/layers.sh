#!/bin/bash
# server -> api -> core, never back: each foreign header has one owner, and no layer looks up.
# tests/core links core alone, so an upward call does not link; this finds the include before that.
set -u

bad=0
# must_be_empty MESSAGE GREP-ARGUMENTS...
must_be_empty() {
	local message=$1 found
	shift
	found=$(grep -rnE --include='*.c' --include='*.h' --include='*.cc' --include='*.def' "$@" 2>/dev/null)
	if [ -n "$found" ]; then
		printf '%s:\n%s\n' "$message" "$found"
		bad=1
	fi
}
include() {
	printf '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]%s' "$1"
}

must_be_empty 'only core/blas.c includes cblas.h and lapacke.h' \
	"$(include '([^>"]*/)?(cblas|lapacke|openblas_config|f77blas)\.h')" core api server --exclude=blas.c
must_be_empty 'only core/blas.c includes cblas.h and lapacke.h' \
	"$(include '([^>"]*/)?(cblas|lapacke|openblas_config|f77blas)\.h')" api server
must_be_empty 'only core/lapack.c names what LAPACK exports' \
	'(^|[^A-Za-z0-9_])[sdcz][a-z0-9]{3,6}_([^A-Za-z0-9_#]|$)' core api server --exclude=lapack.c
must_be_empty 'only core includes core/lapack.h' "$(include 'core/lapack\.h')" api server
must_be_empty 'only api/json.c and api/json.h include cJSON.h' \
	"$(include '([^>"]*/)?cJSON(_Utils)?\.h')" core server
must_be_empty 'only api/json.c and api/json.h include cJSON.h' \
	"$(include '([^>"]*/)?cJSON(_Utils)?\.h')" api --exclude=json.c --exclude=json.h
must_be_empty 'only server includes microhttpd.h' "$(include '([^>"]*/)?microhttpd\.h')" core api
must_be_empty 'core includes nothing of api or server' "$(include '(\.\./)*(api|server)/')" core
must_be_empty 'api includes nothing of server' "$(include '(\.\./)*server/')" api
must_be_empty 'core never ends the process; only blas.c reads the environment' \
	'(^|[^A-Za-z0-9_>.])(exit|_exit|_Exit|abort|getenv|secure_getenv)[[:space:]]*\(' core --exclude=blas.c

[ $bad -eq 0 ] && echo 'layers: in order'
exit $bad
