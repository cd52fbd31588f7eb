#!/bin/sh
# The keeper of one lab. It reads what the lab makes, one thing a line, and when
# the pipe ends without a "bye" its owner has died: then it kills and removes
# what is still there, and nothing else.
#
#   dir PATH | ns NAME | pid PID START | gone PID | bye
trap '' INT TERM HUP

# starttime PID prints field 22 of /proc/PID/stat, which tells a process from a
# later one with the same number. The command's name may hold blanks, so the
# fields are counted from the last parenthesis.
starttime() {
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# shellcheck disable=SC2086 # the fields are to be split
	set -- ${stat##*) }
	echo "${20}"
}

namespaces='' directory='' processes=''
while read -r what name start; do
	case $what in
	dir) directory=$name ;;
	ns) namespaces="$namespaces $name" ;;
	pid) processes="$processes $name:$start" ;;
	gone)
		left=''
		for process in $processes; do
			[ "${process%%:*}" = "$name" ] || left="$left $process"
		done
		processes=$left
		;;
	bye) exit 0 ;;
	esac
done

for process in $processes; do
	pid=${process%%:*}
	if [ "$(starttime "$pid")" = "${process#*:}" ]; then
		kill -KILL "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
	fi
done
for namespace in $namespaces; do
	for pid in $(ip netns pids "$namespace" 2>/dev/null); do
		kill -KILL "$pid" 2>/dev/null
	done
	ip netns delete "$namespace" 2>/dev/null
done
case $directory in
*/hawser-*) rm -rf "$directory" ;;
esac
