package bfd

import (
	"encoding/hex"
	"errors"
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
	if err := got.read(raw(t, up)); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	var b [packetLength]byte
	if want.write(b[:]); hex.EncodeToString(b[:]) != up {
		t.Errorf("%x", b)
	}
	want = packet{diagnostic: DetectionExpired, state: Down, poll: true, multiplier: 5, mine: 1, desiredTx: time.Second, requiredRx: time.Second}
	want.write(b[:])
	if err := got.read(b[:]); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatIsNoPacketIsRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{"", errShort},
		{up[:46], errShort},
		{"00" + up[2:], errVersion},
		{up[:6] + "17" + up[8:], errLength},
		{up[:6] + "19" + up[8:], errLength},
		{"20c4" + up[4:], errAuth},
		{"20c1" + up[4:], errMultipoint},
		{"20c2" + up[4:], errDemand},
		{up[:4] + "00" + up[6:], errMultiplier},
		{up[:8] + "00000000" + up[16:], errDiscriminator},
		{up[:16] + "00000000" + up[24:], errDiscriminator},
	} {
		var p packet
		if err := p.read(raw(t, c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.text, err, c.want)
		}
	}
	var p packet
	if err := p.read(append(raw(t, up), 0, 0)); err != nil {
		t.Errorf("bytes behind a packet: %v", err)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(raw(f, up))
	f.Add(raw(f, "2148031800000007000000000000000100000001ffffffff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again packet
		if p.read(b) != nil {
			return
		}
		var made [packetLength]byte
		p.write(made[:])
		if err := again.read(made[:]); err != nil || again != p {
			t.Errorf("%x is read as %+v, written as %x, read as %+v, %v", b, p, made, again, err)
		}
	})
}
