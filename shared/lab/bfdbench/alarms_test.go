package bfdbench

import "testing"

func TestAlarmsAreCountedForTheOneWhoHadThem(t *testing.T) {
	var a alarms
	log := `level=INFO msg=listening address=[::]:179
level=INFO msg=bfd peer=10.77.2.11 state=Up reason=""
level=INFO msg=bfd peer=10.77.2.11 state=Down reason="control detection time expired"
level=INFO msg=bfd peer=10.77.2.12 state=Down reason="neighbor signaled session down: control detection time expired"
level=INFO msg=bfd peer=10.77.2.12 state=AdminDown reason="closed by the neighbor"
`
	before := a.total()
	for _, part := range []string{log[:100], log[100:]} {
		if _, err := a.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	got := a.since(before)
	if got["10.77.2.11"] != (count{ours: 1}) || got["10.77.2.12"] != (count{theirs: 1}) {
		t.Errorf("%+v", got)
	}
}
