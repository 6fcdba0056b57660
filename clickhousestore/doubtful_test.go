package clickhousestore

import (
	"testing"

	"tollbook"
)

// TestNamesLearntMeanwhile: that more was learnt since it was read how far is folded
// is no sign of another database.
func TestNamesLearntMeanwhile(t *testing.T) {
	var n names
	n.init()
	one, other := tollbook.Claim{1}, tollbook.Claim{2}
	if err := n.add(&n.chain, []tollbook.Claim{one}, 1, 1<<20); err != nil {
		t.Fatal(err)
	}
	n.upTo = 7
	asked := claimed{one[:], other[:]}
	if doubtful, since := n.doubtful(asked, 5, 5); len(doubtful) != 1 || since != 7 {
		t.Errorf("learnt up to 7 after 5 was read: %d names are doubtful, since %d", len(doubtful), since)
	}
	if doubtful, since := n.doubtful(asked, 7, 5); len(doubtful) != 2 || since != 5 || n.upTo != 0 {
		t.Errorf("learnt up to 7 before 5 was read: %d names are doubtful, since %d", len(doubtful), since)
	}
}
