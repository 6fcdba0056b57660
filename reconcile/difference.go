package reconcile

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"tollbook/decimal"
)

// Difference is a row, an event or both that do not match.
type Difference struct {
	Class   Class    `json:"class"`
	Differs []string `json:"differs,omitempty"` // of differing ones: quantity, amount, currency
	Repeats *int     `json:"repeats,omitempty"` // of one that is missing here: the line of an earlier row that says the same
	Theirs  *Theirs  `json:"theirs"`            // nil: missing there
	Ours    *Ours    `json:"ours"`              // nil: missing here, or outside
}

// Theirs is what a row says.
type Theirs struct {
	Line  int        `json:"line"`
	ID    string     `json:"id,omitempty"`
	Start *time.Time `json:"start"`
	said
}

// Ours is what is known of an event.
type Ours struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	AccountID string    `json:"account_id"`
	Start     time.Time `json:"start"`
	said
	Unrated string `json:"unrated,omitempty"` // why it has no amount
}

// said is what both sides say of a use.
type said struct {
	To       string           `json:"to,omitempty"`
	From     string           `json:"from,omitempty"`
	Quantity *decimal.Decimal `json:"quantity"`
	Unit     *string          `json:"unit"`
	Amount   *decimal.Decimal `json:"amount"`
	Currency *string          `json:"currency"`
}

func saidOf(to, from string, q *Quantity, a *Amount) said {
	s := said{To: to, From: from}
	if q != nil {
		s.Quantity, s.Unit = &q.Number, nullable(q.Unit.String())
	}
	if a != nil {
		s.Amount, s.Currency = &a.Number, &a.Currency
	}
	return s
}

func theirs(r *Row) *Theirs {
	t := &Theirs{Line: r.Line, ID: r.ID, said: saidOf(r.To, r.From, r.Quantity, r.Amount)}
	if !r.Start.IsZero() {
		t.Start = &r.Start
	}
	return t
}

func (p *reporter) ours(e *Event) *Ours {
	return &Ours{ID: e.ID, Source: e.Source, AccountID: e.AccountID, Start: e.Start, Unrated: e.Unrated.String(),
		said: saidOf(e.To, e.From, p.rules.ours(e), e.Amount)}
}

// Differences yields all that is listed, one class after the other.
func (r *Report) Differences() iter.Seq[*Difference] {
	return func(yield func(*Difference) bool) {
		for _, list := range [][]Difference{r.Differing, r.MissingHere, r.MissingThere, r.Outside} {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// Complete tells whether all differences are listed.
func (r *Report) Complete() bool {
	listed := map[Class]int{Differing: len(r.Differing), MissingHere: len(r.MissingHere), MissingThere: len(r.MissingThere), Outside: len(r.Outside)}
	for _, c := range r.Classes {
		if c.Class != Matched && max(c.Rows, c.Events) > listed[c.Class] {
			return false
		}
	}
	return true
}

// DifferenceColumns are the columns of differences as CSV.
func DifferenceColumns() []string {
	return []string{
		"class", "differs", "repeats",
		"line", "their_id", "their_start", "their_to", "their_from", "their_quantity", "their_unit", "their_amount", "their_currency",
		"source", "id", "account_id", "start", "to", "from", "quantity", "unit", "amount", "currency", "unrated",
	}
}

// Cells returns the difference as a row of DifferenceColumns.
func (d *Difference) Cells() []string {
	cells := []string{string(d.Class), strings.Join(d.Differs, " "), ""}
	if d.Repeats != nil {
		cells[2] = strconv.Itoa(*d.Repeats)
	}
	if t := d.Theirs; t != nil {
		start := ""
		if t.Start != nil {
			start = t.Start.Format(time.RFC3339Nano)
		}
		cells = append(cells, strconv.Itoa(t.Line), t.ID, start)
		cells = append(cells, t.cells()...)
	} else {
		cells = append(cells, make([]string, 9)...)
	}
	if o := d.Ours; o != nil {
		cells = append(cells, o.Source, o.ID, o.AccountID, o.Start.Format(time.RFC3339Nano))
		return append(append(cells, o.cells()...), o.Unrated)
	}
	return append(cells, make([]string, 11)...)
}

func (s *said) cells() []string {
	return []string{s.To, s.From, decimalText(s.Quantity), textOrNone(s.Unit), decimalText(s.Amount), textOrNone(s.Currency)}
}

func decimalText(d *decimal.Decimal) string {
	if d == nil {
		return ""
	}
	return d.String()
}

func textOrNone(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
