#!/bin/busybox sh
# shellcheck shell=dash
# The board's first process: drivers, network, then one command a line from
# the second serial line. The kernel's command line says the network:
# board.address=ADDRESS/LENGTH.
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module; do
	insmod "/lib/modules/$module"
done </lib/modules/order
read -r words </proc/cmdline
address=
for word in $words; do
	case $word in
	board.address=*) address=${word#*=} ;;
	esac
done
ip link set lo up
ip link set eth0 up
if [ -n "$address" ]; then
	ip address add "$address" dev eth0
fi

stty -F /dev/ttyS1 raw -echo 115200
exec <>/dev/ttyS1 >&0 2>&1
echo "board: ready"
while read -r number command; do
	printf '\nboard: begin %s\n' "$number"
	sh -c "$command" </dev/null
	printf '\nboard: end %s %d\n' "$number" "$?"
done
