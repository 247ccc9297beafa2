#!/bin/bash
# setup.sh STAMP GROUP...: installs what is missing of the groups of packages.txt, asking nothing.
# STAMP is a file that remembers the last success: while neither the list nor dpkg's own records have
# changed since, there is nothing to look at.
set -eu

stamp=$1
shift
list=$(dirname "$0")/packages.txt
status=/var/lib/dpkg/status
if [ -e "$stamp" ] && [ "$stamp" -nt "$list" ] && [ "$stamp" -nt "$status" ]; then
	exit 0
fi

wanted=()
for group in "$@"; do
	while read -r name package; do
		[ "$name" != "$group" ] || wanted+=("$package")
	done <"$list"
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This is not a Debian system, so nothing was installed. Needed here, under whatever names" >&2
	echo "the packages have (Debian's are given):" >&2
	printf '  %s\n' "${wanted[@]%%|*}" >&2
	echo "Then run 'make' and build/gradd, or 'make check' for the tests." >&2
	exit 1
fi

declare -A installed=()
while read -r state package; do
	case $state in
	?i*) installed[$package]=1 ;;
	esac
done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' ${wanted[@]//|/ } 2>/dev/null || true)

missing=()
for package in "${wanted[@]}"; do
	found=
	for name in ${package//|/ }; do
		[ -z "${installed[$name]:-}" ] || found=1
	done
	[ -n "$found" ] || missing+=("${package%%|*}")
done

if [ ${#missing[@]} -gt 0 ]; then
	as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "These Debian packages are missing, and installing them needs root or sudo:" >&2
			echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
			exit 1
		fi
		as_root=(sudo)
	fi
	echo "Installing from Debian's packages: ${missing[*]}"
	apt() {
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq \
			-o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null
	}
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	# An index that cannot be had matters only if the packages then cannot be either.
	if ! { apt update || true; apt install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		cat "$log" >&2
		echo "Installing ${missing[*]} failed: see above." >&2
		exit 1
	fi
fi

mkdir -p "$(dirname "$stamp")"
touch "$stamp"
