package localstore

import (
	"testing"

	"tollbook"
)

// FuzzChapterPlace: of any text there is one place at most, which reads the same
// again.
func FuzzChapterPlace(f *testing.F) {
	f.Add("")
	f.Add(chapterPlace(1 << 40))
	f.Add("local-000000000000000G")
	f.Fuzz(func(t *testing.T, after string) {
		pos, err := parseChapterPlace(after)
		switch {
		case err != nil && tollbook.CodeOf(err) != tollbook.CodeInvalidRequest:
			t.Errorf("%q: %v", after, err)
		case err == nil && after != "" && chapterPlace(pos) != after:
			t.Errorf("%q is read as %d, which is %q", after, pos, chapterPlace(pos))
		}
	})
}
