package clickhousestore

import (
	"testing"

	"tollbook"
)

// FuzzChapterPlace: of any text there is one place at most, which reads the same
// again.
func FuzzChapterPlace(f *testing.F) {
	f.Add("")
	f.Add(chapterPlace{1 << 40, 12, 3}.String())
	f.Add("clickhouse-1-+2-3")
	f.Fuzz(func(t *testing.T, after string) {
		p, err := parseChapterPlace(after)
		switch {
		case err != nil && tollbook.CodeOf(err) != tollbook.CodeInvalidRequest:
			t.Errorf("%q: %v", after, err)
		case err == nil && after != "" && p.String() != after:
			t.Errorf("%q is read as %+v, which is %q", after, p, p)
		}
	})
}
