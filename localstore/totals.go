package localstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"tollbook"
)

// totals keeps what each account's month comes to. Of what was counted since
// it was asked last, only the months that it was counted in are added up again.
type totals struct {
	mu    sync.Mutex
	cells map[uint32][]tollbook.Total // by cell
}

// Bounds on what is done between two turns for commits: how many records are
// added up, but for those of one month, and how many tallies are looked at.
const (
	recordsAtOnce = 4096
	talliesAtOnce = 4096
)

// Totals implements tollbook.Ledger.
func (s *Store) Totals(ctx context.Context, organizationID string) ([]tollbook.Total, error) {
	v, t := s.views, &s.totals
	t.mu.Lock()
	defer t.mu.Unlock()
	for cells := v.takeTouched(); len(cells) > 0; cells = t.addUp(v, cells) {
		if err := ctx.Err(); err != nil {
			v.touchAll(cells)
			return nil, err
		}
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	org := v.org(organizationID)
	if org == nil {
		return nil, nil
	}
	var all []tollbook.Total
	for _, no := range org.accounts {
		for _, cell := range v.accounts[no].cells {
			all = append(all, t.cells[cell]...)
		}
	}
	return all, nil
}

// takeTouched returns the cells that were counted in since the last time.
func (v *views) takeTouched() (cells []uint32) {
	v.mu.Lock()
	touched := v.touched
	v.touched = make(bitset, 0, len(touched))
	v.mu.Unlock()
	seen := make(map[uint32]struct{})
	for some := range slices.Chunk(slices.Collect(touched.all), talliesAtOnce) {
		v.mu.RLock()
		for _, no := range some {
			cell := v.cellOf(v.tallies.at(no).cellKey)
			if _, again := seen[cell]; !again {
				seen[cell] = struct{}{}
				cells = append(cells, cell)
			}
		}
		v.mu.RUnlock()
	}
	return cells
}

// touchAll takes cells back that have not been added up.
func (v *views) touchAll(cells []uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, cell := range cells {
		for _, no := range v.cells[cell].tallies {
			v.touched.set(no)
		}
	}
}

// addUp adds up what the months of some cells come to, and returns those that
// are left.
func (t *totals) addUp(v *views, cells []uint32) (left []uint32) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for records := 0; len(cells) > 0 && records < recordsAtOnce; cells = cells[1:] {
		c := v.cells[cells[0]]
		t.cells[cells[0]] = v.total(c)
		records += c.list.len() + 1
	}
	return cells
}

// total adds up an account's month, by wallet and currency.
func (v *views) total(c *cell) (all []tollbook.Total) {
	var r tollbook.Record
	for _, no := range c.list.slice(nil, 0, c.list.len()) {
		v.fill(&r, no)
		i := slices.IndexFunc(all, func(t tollbook.Total) bool { return t.WalletName == r.WalletName && t.Currency == r.Currency })
		if i < 0 {
			i = len(all)
			all = append(all, tollbook.Total{AccountID: r.AccountID, Month: r.Month, WalletName: r.WalletName, Currency: r.Currency})
		}
		if r.Type.PutIn() {
			all[i].PutIn = all[i].PutIn.Add(r.TotalAmount)
		} else {
			all[i].Used = all[i].Used.Add(r.TotalAmount)
		}
	}
	slices.SortFunc(all, func(a, b tollbook.Total) int {
		return cmp.Or(strings.Compare(a.WalletName, b.WalletName), strings.Compare(a.Currency, b.Currency))
	})
	return all
}
