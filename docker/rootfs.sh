#!/bin/sh
# rootfs.sh BINARY DIR: fills DIR with a root file system in which BINARY runs and nothing else does:
# the binary, each library that the loader would load for it, a user, and for each library's package
# its copyright and the record that image scanners read. Runs on Debian.
set -eu

binary=$1
root=$2
rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/tmp" \
	"$root/usr/share/doc/gradd" "$root/var/lib/dpkg/status.d"
ln -s usr/bin "$root/bin"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
chmod 1777 "$root/tmp"

install -m 755 "$binary" "$root/usr/bin/gradd"
strip "$root/usr/bin/gradd"
cp LICENSE "$root/usr/share/doc/gradd/copyright"
echo 'gradd:x:65532:65532:gradd:/:/nonexistent' >"$root/etc/passwd"
echo 'gradd:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
cp /etc/debian_version "$root/etc/"
cp -L /etc/os-release "$root/etc/"

# "name => /path (0x…)" and, for the loader itself, "/path (0x…)".
ldd "$binary" | sed -nE 's/^(.* => )?[[:space:]]*(\/[^ ]+) \(0x[0-9a-f]+\)$/\2/p' | while read -r library; do
	# The loader looks under the name; the file behind it may lie anywhere (alternatives).
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
	file=$(realpath "$library")
	# Package lists know files by the folder they were installed to, before /lib became a link.
	package=$(dpkg-query -S "$file" "${file#/usr}" 2>/dev/null | sed -n '1s/:.*//p')
	[ -n "$package" ] || { echo "no package owns $file" >&2; exit 1; }
	dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$package"
	mkdir -p "$root/usr/share/doc/$package"
	cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done

# It must start in there: a library that was missed fails the build, not the first user.
chroot "$root" /usr/bin/gradd --version
