package book

import (
	"maps"

	"tollbook"
	"tollbook/decimal"
)

// tallies are the increments of lines that events of an account's month come
// to, by home month and line.
type tallies map[tallyKey]*tally

type tallyKey struct {
	home tollbook.Month
	line [16]byte
}

type tally struct {
	line       *tollbook.Line
	increments decimal.Int
	events     int64
}

// add counts the charges of one event.
func (t tallies) add(home tollbook.Month, charges []tollbook.Charge) {
	for _, c := range charges {
		key := tallyKey{home, c.Line.Key()}
		if t[key] == nil {
			t[key] = &tally{line: c.Line}
		}
		t[key].increments = t[key].increments.Add(c.Increments)
		t[key].events++
	}
}

// tallied is what tallies make of one record.
type tallied struct {
	tollbook.Grouping
	PreviewSum
}

// sum returns what is shown; of no record that is nothing.
func (t *tallied) sum() PreviewSum {
	if t == nil {
		return PreviewSum{}
	}
	return t.PreviewSum
}

// records returns what the tallies make of the records of an account's month.
// Earlier are the tallies of the same home months that were booked before.
func (t tallies) records(m accountMonth, earlier tallies) map[tollbook.RecordID]*tallied {
	records := map[tollbook.RecordID]*tallied{}
	for key, tally := range t {
		var before decimal.Int
		if was := earlier[key]; was != nil {
			before = was.increments
		}
		shown := map[tollbook.RecordID]bool{} // several parts may be of one record
		for i := range tally.line.Parts() {
			if share := tally.line.Share(i, before, tally.increments); share.Sign() != 0 {
				tally.show(records, shown, m, i, share)
			}
		}
		if len(shown) == 0 { // with 0 units there is a record, too
			tally.show(records, shown, m, 0, decimal.Int{})
		}
	}
	return records
}

// show adds a part of the tally's line to its record.
func (t *tally) show(records map[tollbook.RecordID]*tallied, shown map[tollbook.RecordID]bool, m accountMonth, part int, share decimal.Int) {
	line := t.line.Part(part)
	id := tollbook.RecordIDOf(m.AccountID, m.Month, &line.Grouping)
	r := records[id]
	if r == nil {
		r = &tallied{Grouping: line.Grouping}
		records[id] = r
	}
	r.NumberOfUnits = r.NumberOfUnits.Add(line.Units(share))
	r.TotalAmount = r.TotalAmount.Add(line.Amount(share))
	if !shown[id] {
		r.Events += t.events
	}
	shown[id] = true
}

// lateTiers returns the home months of tallies that are of another month than
// the one they are booked in and of a line with tiers: how many increments were
// booked of them before makes a difference.
func (t tallies) lateTiers(homes map[tollbook.Month]bool, booked tollbook.Month) {
	for key, tally := range t {
		if key.home != booked && tally.line.Parts() > 1 {
			homes[key.home] = true
		}
	}
}

// union returns the records that are in one of two or in both.
func union(a, b map[tollbook.RecordID]*tallied) map[tollbook.RecordID]*tallied {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
