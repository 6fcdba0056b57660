package runs

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// mergeStep is how many claims or entries are merged between two looks at the
// context.
const mergeStep = 1 << 14

// merge writes one run of several neighbours. Where oldest is set nothing is
// before them, so that entries which take back nothing are dropped.
func merge(ctx context.Context, file vfs.File, parts []*run, oldest bool) error {
	n := 0
	for _, r := range parts {
		n += int(r.claims)
	}
	w, err := newWriter(file, parts[0].start, parts[len(parts)-1].end, n)
	if err != nil {
		return err
	}
	defer w.close()
	if err = mergeClaims(ctx, w, parts); err == nil {
		w.endClaims()
		err = mergeEntries(ctx, w, parts, oldest)
	}
	if err != nil {
		file.Close()
		return err
	}
	return w.finish()
}

func mergeClaims(ctx context.Context, w *writer, parts []*run) error {
	var cursors []*claimCursor
	var heads []uint64 // prefixes of the cursors' claims: most comparisons end there
	for _, r := range parts {
		c, err := newClaimCursor(r)
		if err != nil {
			return err
		}
		if !c.done() {
			cursors, heads = append(cursors, c), append(heads, prefix(c.claims))
		}
	}
	for n := 0; len(cursors) > 0; n++ {
		if n%mergeStep == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		least := 0
		for i := 1; i < len(heads); i++ {
			if heads[i] < heads[least] || heads[i] == heads[least] && bytes.Compare(cursors[i].claims[:16], cursors[least].claims[:16]) < 0 {
				least = i
			}
		}
		c := cursors[least]
		w.claim(c.claims[:claimBytes])
		if err := c.step(); err != nil {
			return err
		}
		if c.done() {
			cursors, heads = append(cursors[:least], cursors[least+1:]...), append(heads[:least], heads[least+1:]...)
			continue
		}
		heads[least] = prefix(c.claims)
	}
	return w.err
}

func mergeEntries(ctx context.Context, w *writer, parts []*run, oldest bool) error {
	m, err := newMergedIndex(parts, Entry{}, readAhead)
	for n := 0; err == nil && m.ok; n++ {
		if n%mergeStep == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !m.entry.Gone || !oldest {
			w.entry(m.entry)
		}
		err = m.step()
	}
	if err != nil {
		return err
	}
	return w.err
}
