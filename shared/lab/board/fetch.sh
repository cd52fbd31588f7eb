#!/bin/sh
# fetch.sh: brings a MIPS router's parts into a directory, by apt, as any other
# package of this Debian machine but for the architecture mipsel. Nothing is
# installed. Does nothing when the parts are there.
#
#   usage: fetch.sh [DIR]      (default build/board)
#
# DIR then holds: vmlinux (kernel for the Malta board), modules/*.ko (in the
# order of modules/order), busybox (static, mipsel).
set -eu

dir=${1:-build/board}
modules=e1000

if [ -s "$dir/vmlinux" ] && [ -s "$dir/busybox" ] && [ -s "$dir/modules/order" ]; then
	exit 0
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
tmp=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# An apt state of its own: the machine's lists and packages stay as they are.
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/deb"
: >"$tmp/status"
foreign() {
	tool=$1
	shift
	"$tool" -q -oAPT::Architecture=mipsel -oAPT::Architectures=mipsel -oAPT::Sandbox::User=root \
		-oAcquire::Languages=none -oAcquire::Retries=3 \
		-oDir::State::Lists="$tmp/lists" -oDir::State::status="$tmp/status" -oDir::Cache="$tmp/cache" "$@"
}

echo "board: reading the mipsel package lists" >&2
foreign apt-get update >"$tmp/log" 2>&1 || {
	cat "$tmp/log" >&2
	echo "board: apt-get update for mipsel went wrong; see above" >&2
	exit 1
}
kernel=$(foreign apt-cache depends linux-image-4kc-malta | sed -n 's/^ *Depends: //p' | head -n 1)
if [ -z "$kernel" ]; then
	echo "board: this machine's apt sources have no linux-image-4kc-malta for mipsel" >&2
	exit 1
fi

echo "board: downloading $kernel and busybox-static" >&2
(cd "$tmp/deb" && foreign apt-get download "$kernel" busybox-static) >"$tmp/log" 2>&1 || {
	cat "$tmp/log" >&2
	echo "board: apt-get download went wrong; see above" >&2
	exit 1
}
for deb in "$tmp"/deb/*.deb; do
	dpkg -x "$deb" "$tmp/root"
done

rm -rf "$tmp/modules"
mkdir "$tmp/modules"
for name in $modules; do
	file=$(find "$tmp/root/lib/modules" -name "$name.ko" | head -n 1)
	if [ -z "$file" ]; then
		echo "board: $kernel has no module $name" >&2
		exit 1
	fi
	cp "$file" "$tmp/modules/"
	echo "$name.ko" >>"$tmp/modules/order"
done
rm -rf "$dir/modules"
mv "$tmp/modules" "$dir/modules"
cp "$tmp/root/bin/busybox" "$tmp/busybox"
mv "$tmp/busybox" "$dir/busybox"
find "$tmp/root/boot" -name 'vmlinu[xz]-*' -exec cp {} "$tmp/vmlinux" \;
mv "$tmp/vmlinux" "$dir/vmlinux"
echo "board: parts are in $dir" >&2
