package oauth

import "testing"

// TestAssertionIDsDiffer is about clients that choose their ids so that one
// uses up what another signs.
func TestAssertionIDsDiffer(t *testing.T) {
	if assertionID("a", "bc") == assertionID("ab", "c") {
		t.Error("two clients share an id")
	}
}
