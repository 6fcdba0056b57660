package localstore

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// TestAccountsKeepNoBodies introduces accounts whose ids are parts of large
// texts, as those of a request's events are: the texts must not stay.
func TestAccountsKeepNoBodies(t *testing.T) {
	const bodies, bodyBytes = 40, 1 << 20
	s, err := Open("data", Options{FS: vfs.NewMem(), Create: true, TableEvents: 1000})
	must(t, err)
	defer mustClose(t, s)
	w := newWorld(1, 1, 1, 1, 1)
	for i := range bodies {
		body := fmt.Sprintf("account-%04d", i) + strings.Repeat(" ", bodyBytes)
		e := w.next()
		e.Event.AccountID = body[:len("account-0000")]
		mustPost(t, s, []tollbook.Entry{e})
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > bodies*bodyBytes/2 {
		t.Errorf("%d MiB are kept", m.HeapAlloc>>20)
	}
}

// TestNumbers compares the table of numbers with a map.
func TestNumbers(t *testing.T) {
	var table numbers[tallyKey]
	want := map[tallyKey]uint32{}
	rng := newWorld(1, 1, 1, 1, 1).rng
	for i := range uint32(20_000) {
		key := tallyKey{cellKey{rng.Uint32N(50), tollbook.Month(rng.IntN(30))}, tollbook.Month(rng.IntN(3)), rng.Uint32N(400) - 1}
		no, ok := table.get(key)
		if had, has := want[key]; ok != has || no != had {
			t.Fatalf("key %v: %d, %v; want %d, %v", key, no, ok, had, has)
		}
		if i == 7000 {
			table.reserve(9000)
		}
		if !ok {
			table.set(key, i)
			want[key] = i
		}
	}
	if table.n != len(want) || 2*table.n > len(table.slots) {
		t.Errorf("%d keys in %d slots, want %d", table.n, len(table.slots), len(want))
	}
}
