package addr

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestARangeIsReadAndSaidInItsShortestForm(t *testing.T) {
	for _, c := range []struct{ text, want, size string }{
		{"192.0.2.0/24", "192.0.2.0/24", "256"},
		{" 192.0.2.7/32\n", "192.0.2.7/32", "1"},
		{"0.0.0.0/0", "0.0.0.0/0", "4294967296"},
		{"192.0.2.0-192.0.2.255", "192.0.2.0/24", "256"},
		{"192.0.2.1 - 192.0.2.9", "192.0.2.1-192.0.2.9", "9"},
		{"192.0.2.9-192.0.2.9", "192.0.2.9/32", "1"},
		{"192.0.2.255-192.0.3.0", "192.0.2.255-192.0.3.0", "2"},
		{"2001:DB8::/64", "2001:db8::/64", "18446744073709551616"},
		{"::/0", "::/0", "340282366920938463463374607431768211456"},
		{"2001:db8::1-2001:db8::2", "2001:db8::1-2001:db8::2", "2"},
	} {
		r, err := Parse(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if r.String() != c.want || r.Size().String() != c.size {
			t.Errorf("%q: %s of %s, want %s of %s", c.text, r, r.Size(), c.want, c.size)
		}
	}
}

func TestARangeThatMakesNoSenseIsRefusedWithAReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                        `"" is neither a CIDR nor first-last: write one such as 192.0.2.0/24 or 192.0.2.1-192.0.2.9`,
		"pool":                    `"pool" is neither a CIDR nor first-last: write one such as 192.0.2.0/24 or 192.0.2.1-192.0.2.9`,
		"192.0.2.1":               `"192.0.2.1" is neither a CIDR nor first-last: write 192.0.2.1/32 or 192.0.2.1-192.0.2.1`,
		"2001:db8::1":             `"2001:db8::1" is neither a CIDR nor first-last: write 2001:db8::1/128 or 2001:db8::1-2001:db8::1`,
		"192.0.2.0/33":            `"192.0.2.0/33" is no CIDR such as 192.0.2.0/24: prefix length out of range`,
		"192.0.2/24":              `"192.0.2/24" is no CIDR such as 192.0.2.0/24: IPv4 address too short`,
		"192.0.2.7/24":            `"192.0.2.7/24" has host bits set: write 192.0.2.0/24, or a range such as 192.0.2.7-192.0.2.255`,
		"::ffff:192.0.2.0/120":    `"::ffff:192.0.2.0/120": write the IPv4 form`,
		"192.0.2.x-192.0.2.9":     `"192.0.2.x-192.0.2.9": first address: unexpected character (at "x")`,
		"192.0.2.1-":              `"192.0.2.1-": last address: unable to parse IP`,
		"192.0.2.1-9":             `"192.0.2.1-9": last address: unable to parse IP`,
		"fe80::1%eth0-fe80::2":    `"fe80::1%eth0-fe80::2": plain addresses only, without zone or IPv4-mapped form`,
		"192.0.2.1-2001:db8::1":   `"192.0.2.1-2001:db8::1": both ends must be of one family`,
		"192.0.2.9-192.0.2.1":     `"192.0.2.9-192.0.2.1": the first address is above the last`,
		"::ffff:192.0.2.1-::ffff": `"::ffff:192.0.2.1-::ffff": plain addresses only, without zone or IPv4-mapped form`,
	} {
		r, err := Parse(text)
		if err == nil {
			t.Errorf("%q was read as %s", text, r)
			continue
		}
		if err.Error() != want {
			t.Errorf("%q:\n got %s\nwant %s", text, err, want)
		}
	}
}

func TestRangesKnowWhatIsInThem(t *testing.T) {
	r := mustParse("192.0.2.10-192.0.2.20")
	for text, want := range map[string]bool{
		"192.0.2.9": false, "192.0.2.10": true, "192.0.2.15": true, "192.0.2.20": true, "192.0.2.21": false, "::": false, "::ffff:192.0.2.15": false,
	} {
		if got := r.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	for text, want := range map[string]bool{
		"192.0.2.0-192.0.2.9": false, "192.0.2.0-192.0.2.10": true, "192.0.2.12/32": true, "192.0.2.0/24": true, "192.0.2.20-192.0.2.30": true, "192.0.2.21/32": false, "::/0": false,
	} {
		o := mustParse(text)
		if r.Overlaps(o) != want || o.Overlaps(r) != want {
			t.Errorf("%s: %t, %t", text, r.Overlaps(o), o.Overlaps(r))
		}
	}
}

func TestMergedRangesAreSortedApartAndCoverTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranges []Range
		in := map[netip.Addr]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "ranges") {
			base := rapid.SampledFrom([]string{"192.0.2.0", "255.255.255.224", "2001:db8::"}).Draw(t, "base")
			first := up(netip.MustParseAddr(base), rapid.IntRange(0, 20).Draw(t, "first"))
			r := Range{first, up(first, rapid.IntRange(0, 11).Draw(t, "length"))}
			ranges = append(ranges, r)
			for a := r.First; a.IsValid() && a.Compare(r.Last) <= 0; a = a.Next() {
				in[a] = true
			}
		}
		before := slices.Clone(ranges)
		merged := Merge(ranges)
		if !slices.Equal(before, ranges) {
			t.Error("what was given has changed")
		}
		total := new(big.Int)
		for i, r := range merged {
			total.Add(total, r.Size())
			if i > 0 && (merged[i-1].Last.Compare(r.First) >= 0 || merged[i-1].Last.Next() == r.First) {
				t.Errorf("%s and %s", merged[i-1], r)
			}
			if !in[r.First] || !in[r.Last] {
				t.Errorf("%s was never given", r)
			}
		}
		if total.Cmp(big.NewInt(int64(len(in)))) != 0 {
			t.Errorf("%s addresses of %d", total, len(in))
		}
	})
}

func up(a netip.Addr, n int) netip.Addr {
	for range n {
		a = a.Next()
	}
	return a
}

func mustParse(text string) Range {
	r, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return r
}

func FuzzParse(f *testing.F) {
	f.Add("192.0.2.0/24")
	f.Add("2001:db8::1-2001:db8::9")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Errorf("%q is %s, which is read as %s, %v", text, r, again, err)
		}
	})
}
