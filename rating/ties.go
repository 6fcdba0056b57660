package rating

import (
	"cmp"
	"fmt"
	"slices"

	"tollbook"
)

// tie is two rows that some event matches equally well, by their place;
// a is the earlier one.
type tie struct{ a, b uint32 }

// ties returns the ties among sorted cells, ascending by row, at most
// MaxErrors of them. Rows can tie only under the same prefix and when
// compareTied finds them equal; such groups are neighbours. Within a group
// each row is held only against those whose dates have not ended when it
// begins.
func ties(rows []row, cells []cell) []tie {
	found := map[tie]struct{}{}
	for i := 0; i < len(cells) && len(found) < MaxErrors; {
		n := 1
		for i+n < len(cells) && cells[i+n].digits == cells[i].digits && rows[cells[i].row].compareTied(&rows[cells[i+n].row].match) == 0 {
			n++
		}
		if n > 1 {
			tiesInGroup(rows, cells[i:i+n], found)
		}
		i += n
	}
	all := make([]tie, 0, len(found))
	for p := range found {
		all = append(all, p)
	}
	slices.SortFunc(all, func(x, y tie) int { return cmp.Or(cmp.Compare(x.b, y.b), cmp.Compare(x.a, y.a)) })
	return all
}

func tiesInGroup(rows []row, group []cell, found map[tie]struct{}) {
	byFrom := make([]uint32, len(group))
	for i, c := range group {
		byFrom[i] = c.row
	}
	slices.SortFunc(byFrom, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(rows[a].from, rows[b].from), cmp.Compare(a, b))
	})
	var current []uint32 // rows whose dates have not ended
	for _, i := range byFrom {
		r := &rows[i]
		current = slices.DeleteFunc(current, func(j uint32) bool { return rows[j].to <= r.from })
		for _, j := range current {
			if !r.overlaps(&rows[j].match) {
				continue
			}
			if found[tie{min(i, j), max(i, j)}] = struct{}{}; len(found) == MaxErrors {
				return
			}
		}
		current = append(current, i)
	}
}

// overlaps tells whether some event matches both m and o, which compareTied
// finds equal. Their descriptions and products do not matter: an event that
// has none matches any.
func (m *match) overlaps(o *match) bool {
	if m.resource != 0 && o.resource != 0 && m.resource != o.resource {
		return false
	}
	return m.resolutions == 0 || m.resolutions&o.resolutions != 0
}

// tieErrors describes ties, each under the later of its two lines.
func (p *parser) tieErrors(ties []tie) []lineError {
	errs := make([]lineError, len(ties))
	for i, t := range ties {
		a, b := &p.rows[t.a], &p.rows[t.b]
		hint := ""
		if x, y := p.termsOf(t.a), p.termsOf(t.b); x.description != y.description || x.productID != y.productID {
			hint = " (an event may come without a description or product_id, so these do not tell them apart)"
		}
		errs[i] = lineError{int(b.line), tollbook.FieldError{
			Name:        fmt.Sprintf("line %d", b.line),
			Description: fmt.Sprintf("ties with line %d: some event matches both equally well%s", a.line, hint),
		}}
	}
	return errs
}
