package bfd

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// up is a packet as FRR sends it: Up, multiplier 3, 300 ms both ways.
const up = "20c00318" + "00000007" + "00000009" + "000493e0" + "000493e0" + "00000000"

func raw(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPacketIsWhatTheRFCDraws(t *testing.T) {
	want := packet{state: Up, multiplier: 3, mine: 7, yours: 9, desiredTx: 300 * time.Millisecond, requiredRx: 300 * time.Millisecond}
	var got packet
	if why := got.read(raw(t, up)); why != taken || got != want {
		t.Errorf("%+v, %q", got, reasons[why])
	}
	var b [packetLength]byte
	if want.write(b[:]); hex.EncodeToString(b[:]) != up {
		t.Errorf("%x", b)
	}
	want = packet{diagnostic: DetectionExpired, state: Down, poll: true, multiplier: 5, mine: 1, desiredTx: time.Second, requiredRx: time.Second}
	want.write(b[:])
	if why := got.read(b[:]); why != taken || got != want {
		t.Errorf("%+v, %q", got, reasons[why])
	}
}

func TestWhatIsNoPacketIsRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		want reason
	}{
		{"", short},
		{up[:46], short},
		{"00" + up[2:], otherVersion},
		{up[:6] + "17" + up[8:], wrongLength},
		{up[:6] + "19" + up[8:], wrongLength},
		{"20c4" + up[4:], authenticated},
		{"20c1" + up[4:], multipoint},
		{up[:4] + "00" + up[6:], noMultiplier},
		{up[:8] + "00000000" + up[16:], noDiscriminator},
		{up[:16] + "00000000" + up[24:], noDiscriminator},
	} {
		var p packet
		if why := p.read(raw(t, c.text)); why != c.want {
			t.Errorf("%s: %q, want %q", c.text, reasons[why], reasons[c.want])
		}
	}
	var p packet
	if why := p.read(append(raw(t, up), 0, 0)); why != taken {
		t.Errorf("bytes behind a packet: %q", reasons[why])
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(raw(f, up))
	f.Add(raw(f, "2148031800000007000000000000000100000001ffffffff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again packet
		if p.read(b) != taken {
			return
		}
		var made [packetLength]byte
		p.write(made[:])
		if why := again.read(made[:]); why != taken || again != p {
			t.Errorf("%x is read as %+v, written as %x, read as %+v, %q", b, p, made, again, reasons[why])
		}
	})
}
