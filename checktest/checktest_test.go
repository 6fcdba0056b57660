package checktest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLeave: a test is left under the race detector and nowhere else, and what is
// left is noted.
func TestLeave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "left")
	t.Setenv("TOLLBOOK_TEST_LEFT", file)
	for range 2 {
		t.Run("in turn (1)", func(t *testing.T) {
			Leave(t)
			if UnderRace {
				t.Error("it is not skipped")
			}
		})
	}
	text, err := os.ReadFile(file)
	if !UnderRace {
		if err == nil {
			t.Errorf("left, without the race detector:\n%s", text)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := dir + "\t^TestLeave$/^in_turn_\\(1\\)$\n" + dir + "\t^TestLeave$/^in_turn_\\(1\\)#01$\n"
	if string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
}
