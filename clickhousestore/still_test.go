package clickhousestore_test

import (
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestReadWhileStill: a cluster's records at a mark are read again where a fold has
// replaced some meanwhile, and not for ever.
func TestReadWhileStill(t *testing.T) {
	t.Parallel()
	_, url := newCluster(t, 2, clickhousetest.Options{InMemory: true}).database(t)
	l := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	q := &tollbook.Query{OrganizationID: "acme", AsOf: 1}
	for _, folds := range []int{0, 3, 100} {
		reads := 0
		err := l.WhileStill(t.Context(), q, func() error {
			if reads++; reads <= folds {
				postLoop(t, l, manyEntries(1000*folds+reads, 1, 200))
				return l.Settle(t.Context())
			}
			return nil
		})
		if folds < 100 && (err != nil || reads != folds+1) || folds == 100 && tollbook.CodeOf(err) != tollbook.CodeUnavailable {
			t.Errorf("%d folds: read %d times, %v", folds, reads, err)
		}
	}
}

// TestLatestOfNobody: whoever asks for events that never came has nothing folded.
func TestLatestOfNobody(t *testing.T) {
	t.Parallel()
	s := sharedServer(t)
	name, url := s.database(t)
	l := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	batch := someBatches(71, 1, 5)[0]
	postLoop(t, l, batch)
	for _, tt := range []struct {
		claim tollbook.Claim
		folds string
	}{{tollbook.Claim{1}, "0"}, {batch[0].Claim, "1"}, {tollbook.Claim{2}, "1"}} {
		words, err := l.Latest(t.Context(), []tollbook.Claim{tt.claim})
		if err != nil || (words[0] != nil) != (tt.claim == batch[0].Claim) {
			t.Errorf("the latest word about %x: %v, %v", tt.claim, words, err)
		}
		if folds, err := s.Query(t.Context(), "SELECT count() FROM "+name+".folds"); err != nil || folds != tt.folds {
			t.Errorf("after %x there are %s folds, %v", tt.claim, folds, err)
		}
	}
}
