package rating

import (
	"os"
	"strings"
	"testing"
)

// The cards in the documentation are without error, and no warning is due.
func TestDocumentedCards(t *testing.T) {
	text, err := os.ReadFile("../docs/rate-cards.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```csv\n")[1:]
	for _, block := range blocks {
		csv, _, _ := strings.Cut(block, "```")
		table, errs := ParseCard(csv)
		if table == nil {
			t.Errorf("%s%s", csv, describe(errs))
			continue
		}
		if warnings := table.Warnings(); len(warnings) > 0 {
			t.Errorf("%s%s", csv, describe(warnings))
		}
	}
	if len(blocks) != 5 {
		t.Errorf("%d cards", len(blocks))
	}
}
