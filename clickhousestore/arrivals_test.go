package clickhousestore

import (
	"errors"
	"slices"
	"testing"
)

// TestOnTheWay: a write is on its way as long as those that have it for sure are
// no majority of all replicas.
func TestOnTheWay(t *testing.T) {
	lacks := func(pointer uint64, parts ...string) *backlog {
		b := &backlog{end: 9, pointer: pointer, replicas: 3, parts: map[string]bool{}}
		for _, p := range parts {
			b.parts[p] = p != "copied"
		}
		return b
	}
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
		"nothing was ever written":      {told: []*backlog{{replicas: 3}, {replicas: 3}}},
		"the first write was seen once": {told: []*backlog{{pointer: 1, replicas: 3}, {replicas: 3}}, unheard: true},
		"all are away":                  {unheard: true},
		"others are copied":             {told: []*backlog{lacks(10), lacks(10, "copied"), lacks(10, "copied")}},
		"one is away, one copies":       {told: []*backlog{lacks(10), lacks(10, "copied")}, want: 1},
	} {
		b, late := newBacklogs(nil), map[string]bool{}
		if err := b.tells(late, at, test.told); !errors.Is(err, errUnheard) {
			t.Errorf("%s, at the first look: %v", name, err)
		}
		err := b.tells(late, at, test.told)
		if errors.Is(err, errUnheard) != test.unheard || len(late) != test.want {
			t.Errorf("%s: %v, %v", name, late, err)
		}
	}
}

// tells is onTheWay for what the first servers tell.
func (b *backlogs) tells(late map[string]bool, at shardTable, told []*backlog) error {
	for i, of := range told {
		of.by.member = i
	}
	b.settle(at, told)
	return onTheWay(late, at, slices.Clone(told))
}

// TestOnTheWaySince: what is written after the first look keeps nobody waiting.
func TestOnTheWaySince(t *testing.T) {
	b, at, late := newBacklogs(nil), shardTable{0, "bookings"}, map[string]bool{}
	for end := range uint64(4) {
		told := []*backlog{{end: 9 + end, pointer: 10, replicas: 2}, {end: 9 + end, pointer: 10, replicas: 2}}
		if err := b.tells(late, at, told); (err == nil) != (end > 0) || len(late) > 0 {
			t.Errorf("the log ends at %d: %v, %v", 9+end, late, err)
		}
	}
}
