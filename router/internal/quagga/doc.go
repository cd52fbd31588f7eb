// Package quagga reads what was typed into Quagga's or FRR's vtysh, a
// bgpd.conf or the output of "show running-config", and says the same in UCI.
//
//	text -> lines -> config (what was said, per peer and policy) -> sections -> UCI text
//	                   \________________ Loss: what hawser has no word for
//
// It decides nothing about routes: uciconf reads the result like any other
// file. What is carried over means the same as before or is narrower; where it
// had to become wider, or was left out, a Loss names the line. Lines about
// bgpd itself (its terminals, its logs) and lines that ask for what hawser
// always does are passed over in silence.
package quagga
