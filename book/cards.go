package book

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tollbook"
	"tollbook/filter"
	"tollbook/rating"
)

// MaxCardBytes bounds a rate card's CSV.
const MaxCardBytes = 48 << 20

// ImportedCard is a rate card as an import left it, and what is likely not
// meant in it: gaps and rows that are never reached, as fields named "line N".
type ImportedCard struct {
	tollbook.RateCard
	Warnings []tollbook.FieldError `json:"warnings"`
}

func cardHash(csv string) [32]byte { return sha256.Sum256([]byte(csv)) }

// readCard reads a card's CSV. Errors: CodeTooLarge; CodeInvalidContent with a
// field for every error in the file, named "line N" or "line N, COLUMN".
func readCard(csv string) (*rating.Table, error) {
	if len(csv) > MaxCardBytes {
		return nil, tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("The rate card has more than %d bytes.", MaxCardBytes))
	}
	table, wrong := rating.ParseCard(csv)
	if len(wrong) > 0 {
		return nil, tollbook.NewError(tollbook.CodeInvalidContent, "The rate card has errors; nothing was applied.", wrong...)
	}
	return table, nil
}

// warningsOf returns the warnings of a card, none as an empty list.
func warningsOf(t *rating.Table) []tollbook.FieldError {
	return append([]tollbook.FieldError{}, t.Warnings()...)
}

// PutRateCard makes csv the next version of a card, which holds for every
// event rated from then on, whenever it occurred. The same text again changes
// nothing. Errors: CodeInvalidRequest (the id), and those of a card that cannot
// be read; then nothing is applied.
func (op *Operator) PutRateCard(ctx context.Context, id, csv string) (now ImportedCard, created bool, err error) {
	if err := checkID(id); err != nil {
		return now, false, err
	}
	table, err := readCard(csv)
	if err != nil {
		return now, false, err
	}
	err = op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		card, changes := s.nextVersion(id, csv, table)
		now.RateCard, created = card, changes && card.Version == 1
		if !changes {
			return definition{}, nil
		}
		card.CSV = csv
		return definition{tollbook.KindRateCard, id, card}, nil
	})
	now.Warnings = warningsOf(table)
	return now, created, err
}

// nextVersion returns what a card is once csv is put, and whether that is a
// change.
func (s *state) nextVersion(id, csv string, table *rating.Table) (card tollbook.RateCard, changes bool) {
	was := s.cards[id]
	switch {
	case was == nil:
		return tollbook.RateCard{ID: id, Version: 1, Rows: table.Rows()}, true
	case was.hash == cardHash(csv):
		return was.value, false
	}
	return tollbook.RateCard{ID: id, Version: was.value.Version + 1, Rows: table.Rows()}, true
}

// CardPlan is what putting a card would do.
type CardPlan struct {
	ImportedCard
	Replaces *int `json:"replaces"` // the version that there is; nil: none
	CardChanges
}

// PlanRateCard tells what PutRateCard would do, and does nothing. Errors: as
// PutRateCard.
func (op *Operator) PlanRateCard(ctx context.Context, id, csv string) (plan CardPlan, err error) {
	if err := checkID(id); err != nil {
		return plan, err
	}
	table, err := readCard(csv)
	if err != nil {
		return plan, err
	}
	op.book.mu.RLock()
	known := op.book.state.cards[id] != nil
	plan.RateCard, _ = op.book.state.nextVersion(id, csv, table)
	op.book.mu.RUnlock()
	plan.Warnings = warningsOf(table)
	if !known {
		plan.Added = table.Rows()
		return plan, nil
	}
	version, was, err := op.cardTable(ctx, id, 0)
	if err != nil {
		return plan, err
	}
	plan.Replaces = &version
	plan.CardChanges = changesOf(rating.Diff(was, table))
	return plan, nil
}

// CardDiff is what differs between two versions of a card, or between one and
// a file.
type CardDiff struct {
	ID   string `json:"id"`
	From int    `json:"from"` // the version
	To   *int   `json:"to"`   // nil: the file
	CardChanges
	Changes []rating.Change `json:"changes"` // by kind, then by line
}

// CardChanges is how many changes there are of each kind.
type CardChanges struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
}

func changesOf(changes []rating.Change) (n CardChanges) {
	for i := range changes {
		switch changes[i].Kind {
		case rating.Added:
			n.Added++
		case rating.Changed:
			n.Changed++
		case rating.Removed:
			n.Removed++
		}
	}
	return n
}

// DiffRateCard tells what differs from one version of a card to another one; 0
// is the latest as to, and as from the one before to. Errors: CodeNotFound,
// CodeInvalidRequest where there is none before.
func (op *Operator) DiffRateCard(ctx context.Context, id string, from, to int) (*CardDiff, error) {
	to, after, err := op.cardTable(ctx, id, to)
	if err != nil {
		return nil, err
	}
	if from == 0 {
		if from = to - 1; from == 0 {
			return nil, badField("from", "there is no version before the first one")
		}
	}
	from, before, err := op.cardTable(ctx, id, from)
	if err != nil {
		return nil, err
	}
	d := &CardDiff{ID: id, From: from, To: &to, Changes: rating.Diff(before, after)}
	d.CardChanges = changesOf(d.Changes)
	return d, nil
}

// DiffRateCardFile tells what differs from a version of a card, 0 for the
// latest, to a file. Errors: CodeNotFound, and those of a file that cannot be
// read.
func (op *Operator) DiffRateCardFile(ctx context.Context, id string, from int, csv string) (*CardDiff, error) {
	after, err := readCard(csv)
	if err != nil {
		return nil, err
	}
	from, before, err := op.cardTable(ctx, id, from)
	if err != nil {
		return nil, err
	}
	d := &CardDiff{ID: id, From: from, Changes: rating.Diff(before, after)}
	d.CardChanges = changesOf(d.Changes)
	return d, nil
}

// cardTable returns a version of a card, 0 for the latest, and which it is.
func (op *Operator) cardTable(ctx context.Context, id string, version int) (int, *rating.Table, error) {
	v, csv, err := op.cardCSV(ctx, id, version)
	if err != nil {
		return 0, nil, err
	}
	table, wrong := rating.ParseCard(csv)
	if table == nil {
		return 0, nil, fmt.Errorf("rate card %s as stored: %s: %s", id, wrong[0].Name, wrong[0].Description)
	}
	return v.Version, table, nil
}

// CardVersion is a version of a rate card, with who made it and when.
type CardVersion struct {
	ID       string       `json:"id"`
	Version  int          `json:"version"`
	Rows     int          `json:"rows"`
	Position tollbook.Pos `json:"position"`
	At       time.Time    `json:"at"`
	Actor    string       `json:"actor"`
}

// versions returns all versions of a card, ascending: each was one more.
func (c *card) versions() ([]CardVersion, error) {
	all := make([]CardVersion, len(c.history))
	for i, change := range c.history {
		var v tollbook.RateCard
		if err := json.Unmarshal(change.Value, &v); err != nil {
			return nil, err
		}
		all[i] = CardVersion{v.ID, v.Version, v.Rows, change.Position, change.At, change.Actor}
	}
	return all, nil
}

func errNoVersion() error {
	return tollbook.NewError(tollbook.CodeNotFound, "There is no such version of the rate card.")
}

// cardVersions returns all versions of a card. Error: CodeNotFound.
func (op *Operator) cardVersions(id string) ([]CardVersion, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	c := op.book.state.cards[id]
	if c == nil {
		return nil, errNoObject(tollbook.KindRateCard)
	}
	return c.versions()
}

// RateCardVersions returns a page of the versions of a card, the latest first
// unless ordered otherwise. Errors: CodeNotFound, CodeInvalidRequest.
func (op *Operator) RateCardVersions(id string, q PageQuery) ([]CardVersion, PageInfo, error) {
	rows, err := op.cardVersions(id)
	if err != nil {
		return nil, PageInfo{}, err
	}
	l := &list[CardVersion]{
		name:   "versions of rate card " + id,
		schema: filter.Schema{{Name: "actor"}},
		id:     func(v *CardVersion) string { return fmt.Sprintf("%020d", v.Version) },
		value:  func(v *CardVersion, _ int) filter.Value { return filter.Value{Text: v.Actor} },
	}
	return l.page(rows, q)
}

// RateCardVersion returns one version of a card, 0 for the latest. Error:
// CodeNotFound.
func (op *Operator) RateCardVersion(id string, version int) (CardVersion, error) {
	all, err := op.cardVersions(id)
	if err != nil {
		return CardVersion{}, err
	}
	if version == 0 {
		return all[len(all)-1], nil
	}
	i := slices.IndexFunc(all, func(v CardVersion) bool { return v.Version == version })
	if i < 0 {
		return CardVersion{}, errNoVersion()
	}
	return all[i], nil
}

// RateCard returns the latest version of a rate card without its text. Error:
// CodeNotFound.
func (op *Operator) RateCard(id string) (tollbook.RateCard, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	if c := op.book.state.cards[id]; c != nil {
		return c.value, nil
	}
	return tollbook.RateCard{}, errNoObject(tollbook.KindRateCard)
}

// RateCardCSV returns the text of a version of a rate card, 0 for the latest.
// Error: CodeNotFound.
func (op *Operator) RateCardCSV(ctx context.Context, id string, version int) (string, error) {
	_, csv, err := op.cardCSV(ctx, id, version)
	return csv, err
}

func (op *Operator) cardCSV(ctx context.Context, id string, version int) (CardVersion, string, error) {
	v, err := op.RateCardVersion(id, version)
	if err != nil {
		return v, "", err
	}
	for def, err := range op.book.ledger.Definitions(ctx, v.Position-1) {
		if err != nil {
			return v, "", err
		}
		var card tollbook.RateCard
		err := json.Unmarshal(def.Body, &card)
		return v, card.CSV, err
	}
	return v, "", fmt.Errorf("definition %d of rate card %s is not in the ledger", v.Position, id)
}

// RateCards returns a page of all rate cards, without their texts.
func (op *Operator) RateCards(q PageQuery) ([]tollbook.RateCard, PageInfo, error) {
	rows := values(op.book, func(s *state) map[string]*card { return s.cards }, func(c *card) tollbook.RateCard { return c.value })
	l := &list[tollbook.RateCard]{
		name:   "rate cards",
		schema: filter.Schema{{Name: "id"}},
		id:     func(c *tollbook.RateCard) string { return c.ID },
		value:  func(c *tollbook.RateCard, _ int) filter.Value { return filter.Value{Text: c.ID} },
	}
	return l.page(rows, q)
}
