package bgp

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error codes of NOTIFICATION messages (RFC 4271 §4.5, RFC 7313, RFC 9687).
const (
	codeHeader  = 1
	codeOpen    = 2
	codeUpdate  = 3
	codeHold    = 4
	codeFSM     = 5
	codeCease   = 6
	codeRefresh = 7
	codeSend    = 8
)

// Subcodes in use (RFC 4271 §6, RFC 4486, RFC 6608).
const (
	headerNotSynchronized = 1
	headerBadLength       = 2
	headerBadType         = 3

	openVersion    = 1
	openPeerAS     = 2
	openIdentifier = 3
	openParameter  = 4
	openHoldTime   = 6
	openCapability = 7

	updateMalformed = 1
	updateUnknown   = 2
	updateOptional  = 9
	updateNetwork   = 10

	fsmOpenSent    = 1
	fsmOpenConfirm = 2
	fsmEstablished = 3

	ceaseShutdown     = 2
	ceaseDeconfigured = 3
	ceaseReset        = 4
	ceaseChange       = 6
	ceaseCollision    = 7
)

// Subcodes of Cease that callers of Reset need (RFC 4486).
var (
	// CeaseMaxPrefixes says that the peer told more prefixes than it may.
	CeaseMaxPrefixes = Notification{Code: codeCease, Subcode: 1}
	// CeaseReset is what `clear ip bgp` sends.
	CeaseReset = Notification{Code: codeCease, Subcode: ceaseReset}
)

var codeNames = map[uint8]string{
	codeHeader:  "Message Header Error",
	codeOpen:    "OPEN Message Error",
	codeUpdate:  "UPDATE Message Error",
	codeHold:    "Hold Timer Expired",
	codeFSM:     "Finite State Machine Error",
	codeCease:   "Cease",
	codeRefresh: "ROUTE-REFRESH Message Error",
	codeSend:    "Send Hold Timer Expired",
}

var subcodeNames = map[[2]uint8]string{
	{1, 1}: "Connection Not Synchronized", {1, 2}: "Bad Message Length", {1, 3}: "Bad Message Type",
	{2, 1}: "Unsupported Version Number", {2, 2}: "Bad Peer AS", {2, 3}: "Bad BGP Identifier",
	{2, 4}: "Unsupported Optional Parameter", {2, 5}: "Authentication Failure",
	{2, 6}: "Unacceptable Hold Time", {2, 7}: "Unsupported Capability", {2, 11}: "Role Mismatch",
	{3, 1}: "Malformed Attribute List", {3, 2}: "Unrecognized Well-known Attribute",
	{3, 3}: "Missing Well-known Attribute", {3, 4}: "Attribute Flags Error",
	{3, 5}: "Attribute Length Error", {3, 6}: "Invalid ORIGIN Attribute", {3, 7}: "AS Routing Loop",
	{3, 8}: "Invalid NEXT_HOP Attribute", {3, 9}: "Optional Attribute Error",
	{3, 10}: "Invalid Network Field", {3, 11}: "Malformed AS_PATH",
	{5, 1}: "Unexpected Message in OpenSent", {5, 2}: "Unexpected Message in OpenConfirm",
	{5, 3}: "Unexpected Message in Established",
	{6, 1}: "Maximum Number of Prefixes Reached", {6, 2}: "Administrative Shutdown",
	{6, 3}: "Peer De-configured", {6, 4}: "Administrative Reset", {6, 5}: "Connection Rejected",
	{6, 6}: "Other Configuration Change", {6, 7}: "Connection Collision Resolution",
	{6, 8}: "Out of Resources", {6, 9}: "Hard Reset", {6, 10}: "BFD Down",
	{7, 1}: "Invalid Message Length",
}

// String says it in words: "Hold Timer Expired", "Cease/Maximum Number of
// Prefixes Reached", "Cease/Administrative Shutdown: back at noon". The zero
// Notification is "".
func (n Notification) String() string {
	if n.Code == 0 {
		return ""
	}
	name, ok := codeNames[n.Code]
	if !ok {
		name = fmt.Sprintf("code %d", n.Code)
	}
	if sub, ok := subcodeNames[[2]uint8{n.Code, n.Subcode}]; ok {
		name += "/" + sub
	} else if n.Subcode != 0 {
		name += fmt.Sprintf("/subcode %d", n.Subcode)
	}
	if n.Text != "" {
		name += ": " + n.Text
	}
	return name
}

// carriesText reports whether the data is a shutdown communication (RFC 9003).
func (n Notification) carriesText() bool {
	return n.Code == codeCease && (n.Subcode == ceaseShutdown || n.Subcode == ceaseReset)
}

// payload is the body of the message after the header.
func (n Notification) payload() []byte {
	b := []byte{n.Code, n.Subcode}
	if !n.carriesText() || n.Text == "" {
		return append(b, n.Data...)
	}
	text := n.Text
	for len(text) > 255 {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	b = append(b, byte(len(text)))
	return append(b, text...)
}

// parseNotification reads a body of at least two bytes. A text that is no
// UTF-8 or holds control characters is shown with those replaced.
func parseNotification(body []byte) Notification {
	n := Notification{Code: body[0], Subcode: body[1]}
	if len(body) == 2 {
		return n
	}
	n.Data = append([]byte(nil), body[2:]...)
	if length := int(n.Data[0]); n.carriesText() && length < len(n.Data) {
		n.Text = printable(n.Data[1 : 1+length])
	}
	return n
}

func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, string(b))
}

// fault is an error that the peer made or that ends its session: n is what the
// peer is told, why what the user is.
type fault struct {
	n   Notification
	why string
}

func (f *fault) Error() string {
	if f.why == "" {
		return "sent " + f.n.String()
	}
	return "sent " + f.n.String() + ": " + f.why
}

func faultf(code, subcode uint8, data []byte, format string, args ...any) *fault {
	return &fault{Notification{Code: code, Subcode: subcode, Data: data}, fmt.Sprintf(format, args...)}
}

// told is the end of a session that the peer asked for.
type told struct{ n Notification }

func (t *told) Error() string { return "received " + t.n.String() }
