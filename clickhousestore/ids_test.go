package clickhousestore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tollbook"
)

// TestAmong compares which ids are on a page with all of them in a row.
func TestAmong(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	for range 20_000 {
		ids := make([]tollbook.RecordID, rng.IntN(8))
		for i := range ids {
			ids[i][0] = byte(2*i + 2) // between them there is room for one that is not there
		}
		q := &tollbook.Query{Order: tollbook.Order{Desc: rng.IntN(2) == 0}, Limit: 1 + rng.IntN(4)}
		mark := &tollbook.Record{ID: tollbook.RecordID{byte(rng.IntN(20))}}
		switch rng.IntN(3) {
		case 0:
			q.Offset = rng.IntN(12)
		case 1:
			q.After = mark
		case 2:
			q.Before = mark
		}
		row := slices.Clone(ids)
		if q.Order.Desc {
			slices.Reverse(row)
		}
		first, end := 0, 0
		for i, id := range row {
			r := &tollbook.Record{ID: id}
			switch c := q.Order.Compare(r, mark); {
			case q.After != nil && c <= 0:
				first = i + 1
			case q.Before != nil && c < 0:
				end = i + 1
			}
		}
		switch {
		case q.Before != nil:
			first = max(0, end-q.Limit)
		case q.After == nil:
			first = min(q.Offset, len(row))
		}
		if q.Before == nil {
			end = min(first+q.Limit, len(row))
		}
		from, to, offset := among(q, ids)
		got := slices.Clone(ids[from:to])
		if q.Order.Desc {
			slices.Reverse(got)
		}
		if want := row[first:end]; !slices.Equal(got, want) || offset != first {
			t.Fatalf("%+v of %x: %x behind %d, want %x behind %d", q, ids, got, offset, want, first)
		}
	}
}

// TestListsAreForgotten: those that were asked for the longest ago go when all are
// too large together, and the one in hand stays however large.
func TestListsAreForgotten(t *testing.T) {
	var l idLists
	l.init()
	for i := range 10 {
		l.sized(l.list(fmt.Sprint(i)), maxListed)
	}
	l.list("2")
	l.sized(l.list("last"), 3*maxListed)
	var left []string
	for name := range l.lists {
		left = append(left, name)
	}
	slices.Sort(left)
	if want := []string{"2", "6", "7", "8", "9", "last"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}
