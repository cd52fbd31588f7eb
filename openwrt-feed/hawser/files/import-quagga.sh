#!/bin/sh
# Says how to take over what another BGP daemon was told on this router. It
# writes nothing: what it found may be old, and hawser may be configured.
#
#   usage: import-quagga.sh [ROOT]

for file in "$1/etc/quagga/bgpd.conf" "$1/etc/frr/bgpd.conf" "$1/etc/frr/frr.conf"; do
	[ -s "$file" ] || continue
	logger -s -t hawser -p daemon.notice \
		"$file is here: 'hawser import-quagga $file' prints what does the same in /etc/config/hawser"
done
exit 0
