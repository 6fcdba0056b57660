package localstore

import (
	"fmt"
	"maps"
	"slices"
)

// compareViews compares what is served with what the log makes.
func (w *verifier) compareViews() {
	got, want, r := w.s.views, w.views, w.report
	for _, n := range []struct {
		what      string
		got, want int64
	}{
		{"log position", int64(got.end), int64(want.end)},
		{"events", got.events, want.events},
		{"unrated events", got.unrated, want.unrated},
		{"organizations", int64(len(got.orgs)), int64(len(want.orgs))},
		{"accounts", int64(len(got.accounts)), int64(len(want.accounts))},
		{"rate lines", int64(len(got.lines)), int64(len(want.lines))},
		{"tallies", int64(got.tallies.len()), int64(want.tallies.len())},
		{"records", int64(got.shown), int64(want.shown)},
		{"numbers of records", int64(got.records.len()), int64(want.records.len())},
		{"definitions", int64(got.definitions.head), int64(want.definitions.head)},
	} {
		if n.got != n.want {
			r.differ("%s: %d, the log makes it %d", n.what, n.got, n.want)
		}
	}
	w.compareDefinitions()
	w.compareNames()
	w.compareTallies()
	w.compareIndexes()
	now := w.s.opts.Clock().Unix()
	for key, until := range want.once {
		if until > now && got.once[key] != until {
			r.differ("key %x, to be accepted once, is not remembered", key)
		}
	}
}

func (w *verifier) compareDefinitions() {
	got, want := &w.s.views.definitions, &w.views.definitions
	if !slices.Equal(got.frames, want.frames) {
		w.report.differ("the definitions are looked for at other places than where the log has them")
	}
	if !slices.Equal(got.requests, want.requests) {
		w.report.differ("the definitions' request ids differ from the log's")
	}
}

func (w *verifier) compareNames() {
	got, want := w.s.views, w.views
	for i := range min(len(got.orgs), len(want.orgs)) {
		if got.orgs[i].id != want.orgs[i].id {
			w.report.differ("organization %d is %q, the log says %q", i, got.orgs[i].id, want.orgs[i].id)
		}
		if !maps.Equal(got.orgs[i].products, want.orgs[i].products) || !maps.EqualFunc(got.orgs[i].late, want.orgs[i].late, slices.Equal) {
			w.report.differ("the products of organization %q, or what was booked late in it, differ from the log's", want.orgs[i].id)
		}
		if got.orgs[i].unrated != want.orgs[i].unrated {
			w.report.differ("organization %q has %d unrated events, the log says %d", want.orgs[i].id, got.orgs[i].unrated, want.orgs[i].unrated)
		}
	}
	for i := range min(len(got.accounts), len(want.accounts)) {
		if got.accounts[i].id != want.accounts[i].id || got.accounts[i].org != want.accounts[i].org {
			w.report.differ("account %d is %q, the log says %q", i, got.accounts[i].id, want.accounts[i].id)
		}
	}
	for i := range min(len(got.lines), len(want.lines)) {
		if got.lines[i].Key() != want.lines[i].Key() {
			w.report.differ("rate line %d differs from the log's", i)
		}
	}
}

func (w *verifier) compareTallies() {
	got, want := w.s.views, w.views
	for i := range uint32(min(got.tallies.len(), want.tallies.len())) {
		if got.tallies.at(i).tallyKey != want.tallies.at(i).tallyKey {
			w.report.differ("tally %d is of another account, month or line than the log says", i)
			continue
		}
		g, n := got.counts.at(i), want.counts.at(i)
		if *g != *n {
			w.report.differ("record %s: a tally has %v increments of %d events, the log makes it %v of %d",
				w.recordName(i), g.increments, g.words, n.increments, n.words)
		}
	}
	for i := range uint32(min(got.records.len(), want.records.len())) {
		if *got.recordID(i) != *want.recordID(i) {
			w.report.differ("record %s should be %s", got.recordID(i), want.recordID(i))
		}
		if got.records.at(i).present != want.records.at(i).present || got.doubles[i] != want.doubles[i] {
			w.report.differ("record %s is shown for %d tallies with %d events in two of them, the log makes it %d with %d",
				want.recordID(i), got.records.at(i).present, got.doubles[i], want.records.at(i).present, want.doubles[i])
		}
	}
}

// compareIndexes compares the lists that pages are cut from.
func (w *verifier) compareIndexes() {
	got, want := w.s.views, w.views
	same := func(what, name string, g, n *idList) {
		if !slices.Equal(g.slice(nil, 0, g.len()), n.slice(nil, 0, n.len())) {
			w.report.differ("the page index of %s %s differs from the log's", what, name)
		}
	}
	for i := range min(len(got.orgs), len(want.orgs)) {
		g, n := got.orgs[i], want.orgs[i]
		same("organization", n.id, &g.all, &n.all)
		for _, m := range n.months {
			same("month", n.id+" "+m.month.String(), &g.month(m.month).list, &m.list)
		}
	}
	for i := range min(len(got.accounts), len(want.accounts)) {
		same("account", want.accounts[i].id, &got.accounts[i].list, &want.accounts[i].list)
	}
	for i := range want.cells {
		key := want.cells[i].cellKey
		if int(key.account) < len(got.accounts) {
			same("account's month", want.accounts[key.account].id+" "+key.month.String(), listAt(got, key), &want.cells[i].list)
		}
	}
}

// listAt returns the list of an account's month, empty where there is none.
func listAt(v *views, key cellKey) *idList {
	if c := v.cellAt(key); c != nil {
		return &c.list
	}
	return new(idList)
}

// recordName names the record of a tally; of one with tiers that of the first.
func (w *verifier) recordName(tally uint32) string {
	t := w.views.tallies.at(tally)
	if t.line == noLine {
		return fmt.Sprintf("unrated events of account %s in %s", w.views.accounts[t.account].id, t.month)
	}
	record := t.record
	if w.views.tiers.are.has(tally) {
		record = w.views.tiers.tallies[tally].records[0]
	}
	return w.views.recordID(record).String()
}
