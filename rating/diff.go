package rating

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ChangeKind says what became of rows from one card to the next.
type ChangeKind string

// The kinds of changes, in the order in which Diff returns them.
const (
	Added   ChangeKind = "added"
	Changed ChangeKind = "changed" // they match the same and charge something else
	Removed ChangeKind = "removed"
)

// Change is what became of rows from one card to the next: of one row, under
// all of its prefixes or some, or of several that differ in prefixes alone.
type Change struct {
	Kind     ChangeKind     `json:"kind"`
	OldLine  int            `json:"old_line,omitempty"` // of the row that has the first of the prefixes
	NewLine  int            `json:"new_line,omitempty"`
	Match    []Cell         `json:"match"`    // the other columns in which they say what they match
	Prefixes []string       `json:"prefixes"` // ascending; none: they are for all numbers
	Columns  []ColumnChange `json:"columns"`
}

// Cell is a column that is filled in.
type Cell struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// ColumnChange is a column that differs; "" is blank. Of a rate with tiers the
// cells of its rows have ';' between them.
type ColumnChange struct {
	Column string `json:"column"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// Diff returns what differs between two cards, the same for the same cards: by
// kind, then by line. Rows are the same, wherever they are, where they match
// the same: resource, direction, type, resolutions, country, category,
// description, product, effective dates and, one by one, prefixes.
func Diff(before, after *Table) []Change {
	d := &differ{before: before, after: after, symbols: make([]uint32, len(after.names)), changes: map[changeKey]*Change{}}
	for key, symbol := range after.symbols {
		known, ok := before.symbols[key]
		if !ok {
			known = uint32(len(before.names)) + symbol
		}
		d.symbols[symbol] = known
	}
	merge(before.keys, after.keys, digits.compare, func(a, b int) {
		var was, is []identified
		if a >= 0 {
			was, d.prefix = before.identified(uint32(a), nil), before.prefixes[a].text
		}
		if b >= 0 {
			is, d.prefix = after.identified(uint32(b), d.symbols), after.prefixes[b].text
		}
		merge(was, is, identified.compare, func(i, j int) { d.add(was, is, i, j) })
	})
	return d.sorted()
}

// merge calls each for the places of the elements of two sorted lists, -1
// where one is in the other list alone.
func merge[E any](a, b []E, compare func(x, y E) int, each func(i, j int)) {
	for i, j := 0, 0; i < len(a) || j < len(b); {
		order := 0
		switch {
		case i == len(a):
			order = 1
		case j == len(b):
			order = -1
		default:
			order = compare(a[i], b[j])
		}
		switch {
		case order < 0:
			each(i, -1)
			i++
		case order > 0:
			each(-1, j)
			j++
		default:
			each(i, j)
			i, j = i+1, j+1
		}
	}
}

// differ collects the changes between two cards.
type differ struct {
	before, after *Table
	symbols       []uint32 // what after's symbols are before, or would be
	prefix        string   // whose rows are held against each other
	changes       map[changeKey]*Change
}

// identity is what makes rows of one prefix the same.
type identity struct {
	match
	from, to               int32
	description, productID string
}

// identified is a row and its identity.
type identified struct {
	identity
	*row
}

// changeKey is what changes that are told as one have in common.
type changeKey struct {
	kind     ChangeKind
	prefixed bool // rows without a prefix are told apart from those with
	identity
	columns string
}

// identified returns the rows of a prefix, by identity. Symbols, where they are
// given, say what the table's own are in the identity.
func (t *Table) identified(at uint32, symbols []uint32) (rows []identified) {
	for r := range t.rowsOf(at) {
		terms := t.termsOf(r.tariff)
		id := identity{r.match, r.from, r.to, terms.description, terms.productID}
		if symbols != nil {
			id.country, id.category, id.subtype = symbols[r.country], symbols[r.category], symbols[r.subtype]
		}
		rows = append(rows, identified{id, r})
	}
	slices.SortFunc(rows, identified.compare)
	return rows
}

func (i identified) compare(o identified) int {
	return cmp.Or(
		i.identity.compareTied(&o.identity.match),
		cmp.Compare(i.identity.resource, o.identity.resource),
		cmp.Compare(i.identity.resolutions, o.identity.resolutions),
		cmp.Compare(i.identity.from, o.identity.from),
		cmp.Compare(i.identity.to, o.identity.to),
		strings.Compare(i.description, o.description),
		strings.Compare(i.productID, o.productID),
	)
}

// add notes what became of a row that was at place i and is at place j.
func (d *differ) add(was, is []identified, i, j int) {
	key := changeKey{prefixed: d.prefix != ""}
	var before, after *row
	if i >= 0 {
		key.kind, key.identity, before = Removed, was[i].identity, was[i].row
	}
	if j >= 0 {
		key.kind, key.identity, after = Added, is[j].identity, is[j].row
	}
	if i >= 0 && j >= 0 {
		key.kind = Changed
	}
	columns := d.columns(before, after)
	if len(columns) == 0 {
		return
	}
	key.columns = fmt.Sprintf("%q", columns)
	c := d.changes[key]
	if c == nil {
		c = &Change{Kind: key.kind, Columns: columns, Match: []Cell{}, Prefixes: []string{}}
		if before != nil {
			c.OldLine, c.Match = int(before.line), d.before.cells(before)
		}
		if after != nil {
			c.NewLine, c.Match = int(after.line), d.after.cells(after)
		}
		d.changes[key] = c
	}
	if d.prefix != "" {
		c.Prefixes = append(c.Prefixes, d.prefix)
	}
}

// columns returns what two rows charge differently, either of which may be
// nil.
func (d *differ) columns(before, after *row) (changes []ColumnChange) {
	for _, c := range chargeColumns {
		change := ColumnChange{Column: columnNames[c]}
		if before != nil {
			change.Old = d.before.chargeText(before.tariff, c)
		}
		if after != nil {
			change.New = d.after.chargeText(after.tariff, c)
		}
		if change.Old != change.New {
			changes = append(changes, change)
		}
	}
	return changes
}

// cells returns the columns besides the prefixes in which a row says what it
// matches.
func (t *Table) cells(r *row) []Cell {
	cells := []Cell{}
	for _, c := range matchColumns {
		if text := t.matchText(r, c); text != "" {
			cells = append(cells, Cell{columnNames[c], text})
		}
	}
	return cells
}

// sorted returns the changes in their order.
func (d *differ) sorted() []Change {
	changes := make([]Change, 0, len(d.changes))
	for _, c := range d.changes {
		changes = append(changes, *c)
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(a.Kind, b.Kind), // by the alphabet
			cmp.Compare(a.NewLine, b.NewLine),
			cmp.Compare(a.OldLine, b.OldLine),
		)
	})
	return changes
}
