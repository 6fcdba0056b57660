package main

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedExamples: what a page of the documentation shows is what a
// script sends and gets.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		page, script string
		files        []string
	}{
		{"reconcile", "reconcile", []string{"carrier.csv", "table.txt"}},
		{"rate-cards", "ratecard", []string{"diff.txt"}},
		{"rate-cards", "preview", []string{"preview.txt"}},
	} {
		text, err := os.ReadFile("../../docs/" + tt.page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		script, err := os.ReadFile("testdata/script/" + tt.script + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range tt.files {
			_, file, ok := strings.Cut(string(script), "\n-- "+name+" --\n")
			file, _, _ = strings.Cut(file, "\n-- ")
			if !ok || !strings.Contains(string(text), file) {
				t.Errorf("docs/%s.md does not show %s of its script", tt.page, name)
			}
		}
	}
}
