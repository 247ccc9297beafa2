#!/bin/bash
# debian-root.sh OUT.tar [PACKAGE...]: a minimal Debian 12 root file system with the given packages,
# from the mirrors that this machine's own apt uses. Does nothing if OUT.tar is less than a week old.
set -eu

out=$1
shift
if [ -n "$(find "$out" -mtime -7 2>/dev/null)" ]; then
	exit 0
fi

sources=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
	grep -E ' bookworm(-updates|-security)? main$' | sort -u | sed 's/^/deb /')
if [ -z "$sources" ]; then
	echo "this machine's apt knows no mirror of Debian 12 (bookworm)" >&2
	exit 1
fi
case $sources in
*https://*) set -- "$@" ca-certificates ;;
esac

options=()
[ $# -eq 0 ] || options+=("--include=$*")
# How this machine reaches its mirrors, the new root has to know too.
while read -r line; do
	options+=("--aptopt=$line")
done < <(apt-config dump | grep -E '^Acquire::(https?::(Proxy|[^ ]*::Proxy)|Check-Valid-Until|Check-Date) ')

mkdir -p "$(dirname "$out")"
trap 'rm -f "$out.part.tar"' EXIT
echo "$sources" | SOURCE_DATE_EPOCH=0 mmdebstrap --quiet --variant=minbase --mode=root \
	"${options[@]}" bookworm "$out.part.tar" -
mv "$out.part.tar" "$out"
