#!/bin/bash
# The two commands of the README, each in a Debian 12 of its own that has git and make and nothing
# else: `make run` by a user with sudo, `make test` by root. Needs root, and mmdebstrap. BUILD is the
# folder to work in; the minimal root file system is kept there. CLEANROOT picks: run, test, or both.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${BUILD:-build}/container
mkdir -p "$work"
work=$(cd "$work" && pwd)
roots=$(mktemp -d "$work/cleanroot.XXXXXX")
trap 'rm -rf --one-file-system "$roots"' EXIT

passed=0 failed=0
ok() {
	passed=$((passed + 1))
	echo "ok: $*"
}
not_ok() {
	failed=$((failed + 1))
	echo "NOT OK: $*"
}

# in_root ROOT COMMAND...: in namespaces of its own, so that its mounts and processes end with it.
in_root() {
	local root=$1
	shift
	unshare --mount --pid --fork --kill-child --propagation private -- bash -c '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount -t tmpfs tmpfs "$root/dev/shm"
		exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 "$@"' - "$root" "$@"
}

# new_root ROOT PACKAGE...: a fresh one, with this tree as a clone would have it, uncommitted
# changes included, in /home/gradd/gradd.
new_root() {
	local root=$1 tree=$1/home/gradd/gradd
	shift
	mkdir -p "$root"
	tar --extract --file "$work/base.tar" --directory "$root"
	# What an installer would write.
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
	in_root "$root" sh -c 'apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"' \
		- "$@" >"$roots/log" 2>&1 </dev/null || { tail "$roots/log"; exit 1; }
	in_root "$root" useradd --create-home --shell /bin/bash gradd
	if git rev-parse --verify --quiet HEAD >/dev/null; then
		git clone --quiet --no-hardlinks . "$tree"
	fi
	mkdir -p "$tree"
	git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' file; do
			[ ! -e "$file" ] || printf '%s\0' "$file"
		done | tar --create --null --files-from=- | tar --extract --directory "$tree"
}

tests/support/debian-root.sh "$work/base.tar"

try_run() {
	local root=$roots/run port=8080 start=$SECONDS line answer
	new_root "$root" git make sudo
	echo 'gradd ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/gradd"
	in_root "$root" chown -R gradd: /home/gradd
	# The network is shared with this machine, where the port may be taken.
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((port + 1))
	done
	echo "the clean root took $((SECONDS - start)) s"

	start=$SECONDS
	local setting=()
	[ $port = 8080 ] || setting=("GRADD_PORT=$port")
	in_root "$root" sudo -u gradd "${setting[@]}" sh -c 'cd ~/gradd && exec make run' \
		>"$roots/run.log" 2>&1 </dev/null &
	local job=$!
	until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do
		if ! kill -0 $job 2>/dev/null || [ $((SECONDS - start)) -gt 600 ]; then
			tail -n 30 "$roots/run.log"
			not_ok "make run does not serve"
			return
		fi
		sleep 0.2
	done
	ok "make run: from nothing to serving in $((SECONDS - start)) s"

	# The line that it prints is meant to be pasted.
	line=$(grep -m 1 -E '^[[:space:]]*curl ' "$roots/run.log" || true)
	answer=$(bash -c "${line:-false}" 2>/dev/null || true)
	case $answer in
	*gradients*) ok "the curl line that it prints: $line" ;;
	*) not_ok "the curl line that it prints: '$line' answers '$answer'" ;;
	esac
	answer=$(curl --silent "http://127.0.0.1:$port/grad" -d '{
		"tensors": {"x": [[1, 2]], "W": [[0.5], [-1]], "b": [0], "target": [[1]]},
		"layers": ["linear"], "loss": "mse"}' | tr -d ' \n' || true)
	if [ "$answer" = '{"loss":6.25,"gradients":{"x":[[-2.5,5]],"W":[[-5],[-10]],"b":[-5]}}' ]; then
		ok "POST /grad"
	else
		not_ok "POST /grad: $answer"
	fi

	local pid
	pid=$(ps --no-headers -eo pid,args | awk '$2 ~ /^build\/gradd/ {print $1}' | while read -r p; do
		[ "$(readlink "/proc/$p/root")" = "$root" ] && echo "$p"
	done)
	if [ -n "$pid" ] && kill -TERM "$pid" && wait $job; then
		ok "SIGTERM ends it with status 0"
	else
		not_ok "SIGTERM ends it with status 0"
		kill -KILL $job 2>/dev/null || true
	fi

	# Nothing is installed twice: a second start is only a start.
	start=$(date +%s%N)
	in_root "$root" sudo -u gradd sh -c 'cd ~/gradd && make setup all' >"$roots/log" 2>&1 </dev/null
	if ! grep -q Installing "$roots/log"; then
		ok "the second time nothing is installed or built: $((($(date +%s%N) - start) / 1000000)) ms"
	else
		not_ok "the second time something is installed"
	fi
}

try_test() {
	local root=$roots/test start
	new_root "$root" git make
	in_root "$root" chown -R root: /home/gradd
	start=$SECONDS
	if in_root "$root" sh -c 'cd /home/gradd/gradd && exec make test' >"$roots/test.log" 2>&1 </dev/null; then
		ok "make test: from nothing in $((SECONDS - start)) s: $(tail -n 1 "$roots/test.log")"
	else
		tail -n 40 "$roots/test.log"
		not_ok "make test"
	fi
	rm -rf --one-file-system "$root"
}

case ${CLEANROOT:-both} in
run) try_run ;;
test) try_test ;;
*)
	try_run
	rm -rf --one-file-system "$roots/run"
	try_test
	;;
esac
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
