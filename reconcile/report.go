package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Report is what became of a file's rows and of the events. Its lists are
// bounded; its counts and sums are not.
type Report struct {
	Columns    map[string]string `json:"columns"` // which column was taken for what
	MatchedBy  By                `json:"matched_by"`
	Rows       int               `json:"rows"`
	Events     int               `json:"events"`
	AllMatched bool              `json:"all_matched"` // some rows match, nothing differs and nothing is missing
	Classes    []ClassSums       `json:"classes"`     // in their order, each once
	Total      Sums              `json:"total"`       // of all classes but outside

	Differing    []Difference `json:"differing"`     // by line
	MissingHere  []Difference `json:"missing_here"`  // by line
	MissingThere []Difference `json:"missing_there"` // by start
	Outside      []Difference `json:"outside"`       // by line
}

// ClassSums is how many rows and events are in a class, and what they come to.
type ClassSums struct {
	Class  Class `json:"class"`
	Rows   int   `json:"rows"`
	Events int   `json:"events"`
	Sums
}

// Sums is what rows and events come to.
type Sums struct {
	Amounts    []AmountSum   `json:"amounts"`    // by currency
	Quantities []QuantitySum `json:"quantities"` // by unit
}

// AmountSum is what amounts of one currency come to.
type AmountSum struct {
	Currency string `json:"currency"`
	sum
}

// QuantitySum is what quantities of one unit come to. Minutes are added up as
// seconds.
type QuantitySum struct {
	Unit *string `json:"unit"` // nil: of rows that tell none
	sum
}

type sum struct {
	Theirs     decimal.Decimal `json:"theirs"`
	Ours       decimal.Decimal `json:"ours"`
	Difference decimal.Decimal `json:"difference"` // theirs less ours
}

// sums adds up by currency and by unit.
type sums struct {
	amounts    map[string]*sum
	quantities map[tollbook.Unit]*sum
}

func newSums() *sums { return &sums{map[string]*sum{}, map[tollbook.Unit]*sum{}} }

// of returns the sum of a key in m.
func of[K comparable](m map[K]*sum, key K) *sum {
	if m[key] == nil {
		m[key] = &sum{}
	}
	return m[key]
}

// add adds other sums.
func (s *sums) add(o *sums) {
	for currency, sum := range o.amounts {
		of(s.amounts, currency).plus(sum)
	}
	for unit, sum := range o.quantities {
		of(s.quantities, unit).plus(sum)
	}
}

func (s *sum) plus(o *sum) {
	s.Theirs, s.Ours = s.Theirs.Add(o.Theirs), s.Ours.Add(o.Ours)
}

// less returns the sum with its difference.
func (s *sum) less() sum { return sum{s.Theirs, s.Ours, s.Theirs.Sub(s.Ours)} }

// list returns the sums in their order.
func (s *sums) list() Sums {
	all := Sums{Amounts: []AmountSum{}, Quantities: []QuantitySum{}}
	for currency, sum := range s.amounts {
		all.Amounts = append(all.Amounts, AmountSum{currency, sum.less()})
	}
	slices.SortFunc(all.Amounts, func(a, b AmountSum) int { return strings.Compare(a.Currency, b.Currency) })
	for unit := range tollbook.Unit(len(tollbook.Units()) + 1) {
		if sum := s.quantities[unit]; sum != nil {
			all.Quantities = append(all.Quantities, QuantitySum{nullable(unit.String()), sum.less()})
		}
	}
	return all
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// reporter makes a report.
type reporter struct {
	rules  *Rules
	report *Report
	sums   map[Class]*sums
	same   map[repeatKey]int // the first of the rows that say the same
}

func newReporter(f *File, rules *Rules) *reporter {
	p := &reporter{rules: rules, sums: map[Class]*sums{}, same: map[repeatKey]int{}}
	p.report = &Report{
		Columns: f.Columns(), MatchedBy: rules.By, Rows: len(f.rows),
		Differing: []Difference{}, MissingHere: []Difference{}, MissingThere: []Difference{}, Outside: []Difference{},
	}
	for _, c := range Classes() {
		p.report.Classes = append(p.report.Classes, ClassSums{Class: c})
		p.sums[c] = newSums()
	}
	for i := range f.rows {
		if key := repeatKeyOf(&f.rows[i]); p.same[key] == 0 {
			p.same[key] = f.rows[i].Line
		}
	}
	return p
}

// repeatKey is what rows that repeat each other have in common.
type repeatKey struct {
	id, source, to, from string
	start                time.Time
	quantity             Quantity
	amount               Amount
}

func repeatKeyOf(r *Row) repeatKey {
	if r.ID != "" {
		return repeatKey{id: r.ID, source: r.Source}
	}
	key := repeatKey{to: r.To, from: r.From, start: r.Start}
	if r.Quantity != nil {
		key.quantity = *r.Quantity
	}
	if r.Amount != nil {
		key.amount = *r.Amount
	}
	return key
}

// count notes that a row or an event, of which one may be nil, is in a class.
func (p *reporter) count(c Class, r *Row, e *Event) {
	of := &p.report.Classes[slices.Index(Classes(), c)]
	if r != nil {
		of.Rows++
	}
	if e != nil {
		of.Events++
		p.report.Events++
	}
	p.add(p.sums[c], r, e)
}

// add adds what a row and an event say to sums.
func (p *reporter) add(s *sums, r *Row, e *Event) {
	var ours *Quantity
	if e != nil {
		if e.Amount != nil {
			a := of(s.amounts, e.Amount.Currency)
			a.Ours = a.Ours.Add(e.Amount.Number)
		}
		if ours = p.rules.ours(e); ours != nil {
			base := ours.base()
			q := of(s.quantities, base.Unit)
			q.Ours = q.Ours.Add(base.Number)
		}
	}
	if r == nil {
		return
	}
	if r.Amount != nil {
		a := of(s.amounts, r.Amount.Currency)
		a.Theirs = a.Theirs.Add(r.Amount.Number)
	}
	if r.Quantity != nil {
		base := r.Quantity.base()
		if ours != nil {
			base = r.Quantity.inUnitOf(ours)
		}
		q := of(s.quantities, base.Unit)
		q.Theirs = q.Theirs.Add(base.Number)
	}
}

// pair reports a row and its event. Near the ends of the period one of them
// may lie outside of it; where both do, they are not compared.
func (p *reporter) pair(r *Row, e *Event) {
	if !p.rules.within(e.Start) && (r.Start.IsZero() || !p.rules.within(r.Start)) {
		p.outside(r)
		return
	}
	d := p.rules.compare(r, e)
	if d == 0 {
		p.count(Matched, r, e)
		return
	}
	p.count(Differing, r, e)
	p.keep(&p.report.Differing, Difference{Class: Differing, Differs: d.names(), Theirs: theirs(r), Ours: p.ours(e)})
}

// missingHere reports a row without an event.
func (p *reporter) missingHere(r *Row) {
	if !r.Start.IsZero() && !p.rules.within(r.Start) {
		p.outside(r)
		return
	}
	p.count(MissingHere, r, nil)
	d := Difference{Class: MissingHere, Theirs: theirs(r)}
	if first := p.same[repeatKeyOf(r)]; first != r.Line {
		d.Repeats = &first
	}
	p.keep(&p.report.MissingHere, d)
}

// outside reports a row that is not compared.
func (p *reporter) outside(r *Row) {
	p.count(Outside, r, nil)
	p.keep(&p.report.Outside, Difference{Class: Outside, Theirs: theirs(r)})
}

// missingThere reports an event without a row. Events outside of the period
// were only there to be matched.
func (p *reporter) missingThere(e Event) {
	if !p.rules.within(e.Start) {
		return
	}
	p.count(MissingThere, nil, &e)
	list := &p.report.MissingThere
	*list = append(*list, Difference{Class: MissingThere, Ours: p.ours(&e)})
	if len(*list) >= 2*p.rules.Keep+1000 {
		p.cutMissingThere()
	}
}

// cutMissingThere keeps of the events without a row those that are listed.
func (p *reporter) cutMissingThere() {
	list := p.report.MissingThere
	slices.SortFunc(list, func(a, b Difference) int {
		return cmp.Or(a.Ours.Start.Compare(b.Ours.Start), strings.Compare(a.Ours.AccountID, b.Ours.AccountID), strings.Compare(a.Ours.Source, b.Ours.Source), strings.Compare(a.Ours.ID, b.Ours.ID))
	})
	kept := min(len(list), p.rules.Keep)
	clear(list[kept:])
	p.report.MissingThere = list[:kept]
}

func (rules *Rules) within(t time.Time) bool { return !t.Before(rules.From) && t.Before(rules.To) }

// keep lists a difference while there is room.
func (p *reporter) keep(list *[]Difference, d Difference) {
	if len(*list) < p.rules.Keep {
		*list = append(*list, d)
	}
}

// done returns the report.
func (p *reporter) done() *Report {
	p.cutMissingThere()
	r := p.report
	r.AllMatched = r.Rows == 0 && r.Events == 0
	total := newSums()
	for i := range r.Classes {
		c := &r.Classes[i]
		c.Sums = p.sums[c.Class].list()
		if c.Class != Outside {
			total.add(p.sums[c.Class])
		}
		switch c.Class {
		case Matched:
			r.AllMatched = r.AllMatched || c.Rows > 0
		case Outside:
		default:
			r.AllMatched = r.AllMatched && c.Rows+c.Events == 0
		}
	}
	r.Total = total.list()
	return r
}
