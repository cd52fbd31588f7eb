// Package board is a MIPS router to test on: QEMU's Malta board with the core
// of many OpenWrt devices (24Kc, little endian, no FPU to speak of), Debian's
// mipsel kernel, busybox, and the files a test puts there. A tap device joins
// its eth0 to a host of the laboratory.
//
//	fetch.sh -> parts -> Image -> Boot -> Board.Run("hawser show ip bgp")
//
// The board has two serial lines. The first is the kernel's console and goes
// to a file that is shown when something goes wrong. On the second, busybox's
// shell runs one command a line and marks where its answer begins and ends, so
// that nothing the kernel says can get between.
package board
