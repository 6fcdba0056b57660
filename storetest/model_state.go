package storetest

import (
	"cmp"
	"math/big"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// state is what words come to that were said one after the other.
type state struct {
	history   map[tollbook.Claim][]*word
	counting  map[*word]bool // those whose charges are in records, and the unrated ones
	accounts  map[string]*accountState
	corrected map[accountMonth]tollbook.Ref // the last correction that touched it

	// shown says how many times lines of counting words could show a record.
	shown map[accountMonth]map[tollbook.RecordID]int
}

type accountMonth struct {
	account string
	month   tollbook.Month
}

type accountState struct {
	organization string
	words        []*word

	// records is nil after a change until it is asked for: most of a history
	// is reading.
	records map[tollbook.RecordID]*modelRecord
}

func newState() *state {
	return &state{
		history: map[tollbook.Claim][]*word{}, counting: map[*word]bool{}, accounts: map[string]*accountState{},
		corrected: map[accountMonth]tollbook.Ref{}, shown: map[accountMonth]map[tollbook.RecordID]int{},
	}
}

// latest returns the word that holds of an event, nil where it never came.
func (s *state) latest(claim tollbook.Claim) *word {
	history := s.history[claim]
	if len(history) == 0 {
		return nil
	}
	return history[len(history)-1]
}

// counts tells whether a word makes something count: a void does if it takes
// charges back beside what counts already.
func (w *word) counts() bool { return w.Void == nil || len(w.Charges) > 0 }

func (w *word) accountMonth() accountMonth { return accountMonth{w.AccountID, w.Booked} }

// say takes a word in. What the one before it counts is taken out, unless it
// is adjusted.
func (s *state) say(w *word) {
	a := s.accounts[w.AccountID]
	if a == nil {
		a = &accountState{organization: w.OrganizationID}
		s.accounts[w.AccountID] = a
	}
	if before := s.latest(w.Claim); before != nil {
		if !w.Adjusts {
			s.show(before, -1)
			delete(s.counting, before)
		}
		s.corrected[before.accountMonth()] = w.Ref
		s.corrected[w.accountMonth()] = w.Ref
	}
	if w.counts() {
		s.show(w, 1)
		s.counting[w] = true
	}
	s.history[w.Claim] = append(s.history[w.Claim], w)
	a.words = append(a.words, w)
	a.records = nil
}

// showable returns the records that a word's lines could show, some of them
// more than once.
func (w *word) showable() (ids []tollbook.RecordID) {
	for _, c := range w.Charges {
		for i := range c.Line.Parts() {
			ids = append(ids, tollbook.RecordIDOf(w.AccountID, w.Booked, &c.Line.Part(i).Grouping))
		}
	}
	return ids
}

func (s *state) show(w *word, n int) {
	shown := s.shown[w.accountMonth()]
	if shown == nil {
		shown = map[tollbook.RecordID]int{}
		s.shown[w.accountMonth()] = shown
	}
	for _, id := range w.showable() {
		if shown[id] += n; shown[id] == 0 {
			delete(shown, id)
		}
	}
}

// fits tells whether no account's month could show too many records if the
// words were said.
func (s *state) fits(words ...*word) bool {
	more := map[accountMonth]map[tollbook.RecordID]int{}
	add := func(w *word, n int) {
		if more[w.accountMonth()] == nil {
			more[w.accountMonth()] = map[tollbook.RecordID]int{}
		}
		for _, id := range w.showable() {
			more[w.accountMonth()][id] += n
		}
	}
	for _, w := range words {
		if before := s.latest(w.Claim); before != nil && !w.Adjusts {
			add(before, -1)
		}
		add(w, 1)
	}
	for month, ids := range more {
		shown := s.shown[month]
		left := len(shown)
		for id, n := range ids {
			switch had := shown[id]; {
			case had == 0 && n > 0:
				left++
			case had > 0 && had+n == 0:
				left--
			}
		}
		if left > tollbook.MaxRecordsPerMonth {
			return false
		}
	}
	return true
}

// modelTally is what counts of one line in an account's booked month, of what
// occurred in its home month.
type modelTally struct {
	booked, home tollbook.Month
	line         *tollbook.Line
	increments   decimal.Int
	words        []*word // each once
}

// tallies returns an account's tallies in the order of the months in which
// they are booked.
func (s *state) tallies(a *accountState) []*modelTally {
	type key struct {
		booked, home tollbook.Month
		line         [16]byte
	}
	byKey := map[key]*modelTally{}
	var all []*modelTally
	for _, w := range a.words {
		if !s.counting[w] {
			continue
		}
		for _, c := range w.Charges {
			k := key{w.Booked, w.Home, c.Line.Key()}
			t := byKey[k]
			if t == nil {
				t = &modelTally{booked: w.Booked, home: w.Home, line: c.Line}
				byKey[k] = t
				all = append(all, t)
			}
			t.increments = t.increments.Add(c.Increments)
			if n := len(t.words); n == 0 || t.words[n-1] != w {
				t.words = append(t.words, w)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *modelTally) int { return cmp.Compare(a.booked, b.booked) })
	return all
}

// modelRecord is a record, and what is in it.
type modelRecord struct {
	shown   tollbook.Record // all but the sums
	units   *big.Rat
	amount  *big.Rat
	tallies []*modelTally // present in it, each once
	cuts    []tollbook.Cut

	whole *tollbook.Record // shown with the sums, once it was asked for
}

// recordsOf works out an account's records. Of what an account used of a line
// in a month, that which is booked first comes first in the line's tiers.
func (s *state) recordsOf(a *accountState) map[tollbook.RecordID]*modelRecord {
	if a.records != nil {
		return a.records
	}
	type usage struct {
		home tollbook.Month
		line [16]byte
	}
	a.records = map[tollbook.RecordID]*modelRecord{}
	earlier := map[usage]decimal.Int{}
	for _, t := range s.tallies(a) {
		u := usage{t.home, t.line.Key()}
		before := earlier[u]
		earlier[u] = before.Add(t.increments)
		nothing := true // in any part: then it shows in the first
		for i := range t.line.Parts() {
			if share := t.line.Share(i, before, t.increments); share.Sign() != 0 {
				a.add(t, tollbook.Cut{Line: t.line, Part: i, Before: before, Increments: t.increments, Share: share})
				nothing = false
			}
		}
		if nothing {
			a.add(t, tollbook.Cut{Line: t.line, Before: before, Increments: t.increments})
		}
	}
	return a.records
}

// add adds a part of a tally to its record.
func (a *accountState) add(t *modelTally, c tollbook.Cut) {
	line := t.line.Part(c.Part)
	account := t.words[0].AccountID
	id := tollbook.RecordIDOf(account, t.booked, &line.Grouping)
	r := a.records[id]
	if r == nil {
		r = &modelRecord{units: new(big.Rat), amount: new(big.Rat)}
		r.shown = tollbook.Record{ID: id, AccountID: account, Month: t.booked, Grouping: line.Grouping}
		a.records[id] = r
	}
	share := ratOf(decimal.New(c.Share, 0))
	r.units.Add(r.units, new(big.Rat).Mul(share, ratOf(line.Increment)))
	r.amount.Add(r.amount, new(big.Rat).Mul(share, ratOf(line.PricePerIncrement)))
	if !slices.Contains(r.tallies, t) { // two tiers may have one price
		r.tallies = append(r.tallies, t)
	}
	if len(t.line.Tiers) > 0 {
		r.cuts = append(r.cuts, c)
	}
}

// words returns the words of the record's tallies in the order in which they
// were said, each once.
func (r *modelRecord) words() []*word { return inOrder(r.tallies) }

func inOrder(tallies []*modelTally) (words []*word) {
	for _, t := range tallies {
		words = append(words, t.words...)
	}
	slices.SortFunc(words, func(a, b *word) int { return cmp.Compare(a.Ref, b.Ref) })
	return slices.Compact(words)
}

// record returns r with its sums. In tallies without tiers an event is one, in
// however many of them it has charges; in those with tiers it is one of each.
func (r *modelRecord) record() tollbook.Record {
	if r.whole == nil {
		whole := r.shown
		whole.NumberOfUnits = decimalOf(r.units)
		whole.TotalAmount = decimalOf(r.amount)
		var plain []*modelTally
		for _, t := range r.tallies {
			if len(t.line.Tiers) == 0 {
				plain = append(plain, t)
			} else {
				whole.Events += int64(len(t.words))
			}
		}
		whole.Events += int64(len(inOrder(plain)))
		r.whole = &whole
	}
	return *r.whole
}

// ratOf returns d as a rational number, by way of its digits.
func ratOf(d decimal.Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic("storetest: a decimal's digits are no number: " + d.String())
	}
	return r
}

// decimalOf returns r as a decimal, by way of its digits. It panics where
// they do not end: every sum of decimals does.
func decimalOf(r *big.Rat) decimal.Decimal {
	places, exact := r.FloatPrec()
	if !exact {
		panic("storetest: a sum of decimals does not end: " + r.String())
	}
	d, err := decimal.Parse(r.FloatString(places), decimal.MaxScale, decimal.MaxScale)
	if err != nil {
		panic("storetest: a sum of decimals is none: " + err.Error())
	}
	return d
}
