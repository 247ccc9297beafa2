#!/bin/bash
# Builds docker/Dockerfile and runs the image, on a machine without Docker and without a registry:
# Debian's buildah and podman, and a fresh minimal Debian that stands in for the base image under its
# own name. Needs root, and the packages of group "container". BUILD is the folder to work in; the
# root file system and the layers are kept there, so that a second run is quick.
set -euo pipefail
cd "$(dirname "$0")/../.."

base=docker.io/library/debian:bookworm-slim
image=localhost/gradd:test
work=${BUILD:-build}/container
mkdir -p "$work"
work=$(cd "$work" && pwd)
name=gradd-test-$$
scratch=$(mktemp -d)

exec 9>"$work/lock"
flock 9

# A store of its own: nothing of the machine's images is touched. What belongs to one run goes to
# $work/run, which starts empty.
rm -rf "$work/run"
store=(--root "$work/storage" --runroot "$work/run" --storage-driver overlay)
engine=(--runtime runc --cgroup-manager cgroupfs --events-backend none --tmpdir "$work/run/tmp")
pod() {
	podman "${store[@]}" "${engine[@]}" "$@"
}
# Not every file system can carry overlays.
pod info >/dev/null 2>&1 || store[5]=vfs

clean_up() {
	pod rm --force --time 1 "$name" >/dev/null 2>&1 || true
	awk -v under="$work/storage" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -r |
		xargs -r -n 1 umount 2>/dev/null || true
	rm -rf "$scratch" "$work/run"
}
trap clean_up EXIT

passed=0 failed=0
ok() {
	passed=$((passed + 1))
	echo "ok: $*"
}
not_ok() {
	failed=$((failed + 1))
	echo "NOT OK: $*"
}
# check WHAT GOT WANTED
check() {
	if [ "$2" = "$3" ]; then ok "$1: $2"; else not_ok "$1: wanted '$3', got '$2'"; fi
}

# --- the base image and the image ---
if ! pod image exists "$base" || [ -n "$(find "$work/base.tar" -mtime +7 2>/dev/null)" ]; then
	tests/support/debian-root.sh "$work/base.tar"
	pod import --quiet "$work/base.tar" "$base" >/dev/null
fi
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
if ! TMPDIR=$scratch buildah "${store[@]}" bud --isolation=chroot --network=host --pull=never --layers \
	--format docker --build-arg GD_COMMIT="$commit" --tag "$image" --file docker/Dockerfile . \
	>"$work/build.log" 2>&1; then
	tail -n 50 "$work/build.log"
	echo "building the image failed"
	exit 1
fi
ok "the image builds"
size=$(pod image inspect --format '{{.Size}}' "$image")
echo "the image has $(((size + 500000) / 1000000)) MB"
[ "$size" -lt 80000000 ] && ok "it is below 80 MB" || not_ok "it is not below 80 MB"
check "user of the image" "$(pod image inspect --format '{{.Config.User}}' "$image")" 65532:65532
check "signal to stop" "$(pod image inspect --format '{{.Config.StopSignal}}' "$image")" SIGTERM

# --- running it ---
port=$((20000 + RANDOM % 10000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
	port=$((port + 1))
done
pod run --detach --name "$name" --network=host --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 \
	--read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges \
	--no-healthcheck --env GRADD_PORT=$port "$image" >/dev/null
url=http://127.0.0.1:$port
for _ in $(seq 100); do
	curl --silent --fail --output /dev/null "$url/readyz" && break
	sleep 0.1
done
curl --silent --fail --output /dev/null "$url/readyz" && ok "it is ready" || {
	not_ok "it is ready"
	pod logs "$name" 2>&1 || true
}

answer=$(curl --silent --show-error "$url/grad" -d '{
	"tensors": {"x": [[1, 2]], "W": [[0.5], [-1]], "b": [0], "target": [[1]]},
	"layers": ["linear"], "loss": "mse"}' || true)
check "POST /grad" "$(tr -d ' \n' <<<"$answer")" \
	'{"loss":6.25,"gradients":{"x":[[-2.5,5]],"W":[[-5],[-10]],"b":[-5]}}'
status=$(curl --silent --output "$scratch/problem" --write-out '%{http_code} %{content_type}' \
	"$url/grad" -d '{' || true)
check "a bad request" "$status" "400 application/problem+json"

# --- how it runs ---
pid=$(pod inspect --format '{{.State.Pid}}' "$name")
check "user id" "$(awk '/^Uid:/ {print $2, $3}' "/proc/$pid/status")" "65532 65532"
check "capabilities" "$(awk '/^CapEff:/ {print $2}' "/proc/$pid/status")" 0000000000000000
check "no new privileges" "$(awk '/^NoNewPrivs:/ {print $2}' "/proc/$pid/status")" 1
check "root file system" "$(awk '$5 == "/" {print substr($6, 1, 2)}' "/proc/$pid/mountinfo")" ro
health=$(pod image inspect --format '{{json .Config.Healthcheck.Test}}' "$image")
check "health check" "$health" '["CMD","/usr/bin/gradd","probe"]'
pod exec "$name" /usr/bin/gradd probe && ok "the health check passes" || not_ok "the health check passes"
pod exec --env GRADD_PORT=1 "$name" /usr/bin/gradd probe 2>/dev/null &&
	not_ok "the health check fails where nobody listens" ||
	ok "the health check fails where nobody listens"
pod exec "$name" /bin/sh -c true 2>/dev/null && not_ok "there is no shell" || ok "there is no shell"

# --- SIGTERM while a request is on its way in ---
{
	printf '{"tensors": {"x": [[1, 2]], "W": [[0.5], [-1]], '
	sleep 2
	printf '"b": [0], "target": [[1]]}, "layers": ["linear"], "loss": "mse"}'
} | curl --silent --max-time 20 --request POST --upload-file - --output "$scratch/late" \
	--write-out '%{http_code}' "$url/grad" >"$scratch/late.status" &
late=$!
sleep 0.7
pod kill --signal TERM "$name" >/dev/null
wait $late || true
check "a request that had begun when SIGTERM came" "$(cat "$scratch/late.status")" 200
check "its answer" "$(grep -o '"loss": *6.25' "$scratch/late" | tr -d ' ')" '"loss":6.25'
check "exit status after SIGTERM" \
	"$(timeout 20 podman "${store[@]}" "${engine[@]}" wait "$name" || echo timeout)" 0

[ "$failed" -eq 0 ] || pod logs "$name" 2>&1 | tail -n 20
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
