package clickhousestore

import (
	"errors"
	"testing"
)

// TestOnTheWay: a write is on its way as long as those that have it for sure are
// no majority of all replicas.
func TestOnTheWay(t *testing.T) {
	lacks := func(pointer uint64, parts ...string) *backlog { return &backlog{9, pointer, 3, parts} }
	at := shardTable{0, "bookings"}
	for name, test := range map[string]struct {
		told    []*backlog
		want    int
		unheard bool
	}{
		"nobody lacks it":               {told: []*backlog{lacks(10), lacks(10), lacks(10)}},
		"a third one lacks it":          {told: []*backlog{lacks(10), lacks(10, "a"), lacks(10)}},
		"one has it":                    {told: []*backlog{lacks(10), lacks(10, "a"), lacks(10, "a")}, want: 1},
		"each lacks another":            {told: []*backlog{lacks(10, "c"), lacks(10, "a"), lacks(10, "b")}},
		"one is away, one lacks it":     {told: []*backlog{lacks(10, "a", "b"), lacks(10)}, want: 2},
		"one is away, none lacks it":    {told: []*backlog{lacks(10), lacks(10)}},
		"two are away":                  {told: []*backlog{lacks(10)}, unheard: true},
		"one is away, one is behind":    {told: []*backlog{lacks(10), lacks(9)}, unheard: true},
		"one is behind, one lacks it":   {told: []*backlog{lacks(10), lacks(9), lacks(10, "a")}, want: 1},
		"nothing was ever written":      {told: []*backlog{{0, 0, 3, nil}, {0, 0, 3, nil}}},
		"the first write was seen once": {told: []*backlog{{0, 1, 3, nil}, {0, 0, 3, nil}}, unheard: true},
		"all are away":                  {unheard: true},
	} {
		late := map[string]bool{}
		err := (&arrivals{ends: map[shardTable]uint64{}}).onTheWay(late, at, test.told)
		if errors.Is(err, errUnheard) != test.unheard || len(late) != test.want {
			t.Errorf("%s: %v, %v", name, late, err)
		}
	}
}

// TestOnTheWaySince: what is written after the first look keeps nobody waiting.
func TestOnTheWaySince(t *testing.T) {
	a, at, late := &arrivals{ends: map[shardTable]uint64{}}, shardTable{0, "bookings"}, map[string]bool{}
	for end := range uint64(3) {
		told := []*backlog{{9 + end, 10, 2, nil}, {9 + end, 10, 2, nil}}
		if err := a.onTheWay(late, at, told); err != nil || len(late) > 0 {
			t.Errorf("the log ends at %d: %v, %v", 9+end, late, err)
		}
	}
}
