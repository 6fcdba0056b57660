package localstore

import (
	"slices"

	"tollbook"
	"tollbook/filter"
)

// verdict is what is known of a filter's answer when only some fields are.
type verdict uint8

const (
	no verdict = iota
	maybe
	yes
)

// judge returns what the filter says of a row of which only some fields are
// known. A nil filter takes all.
func judge(e *filter.Expr, row filter.Row, known func(field int) bool) verdict {
	if e == nil {
		return yes
	}
	switch e.Op {
	case filter.And:
		v := yes
		for _, arg := range e.Args {
			v = min(v, judge(arg, row, known))
		}
		return v
	case filter.Or:
		v := no
		for _, arg := range e.Args {
			v = max(v, judge(arg, row, known))
		}
		return v
	case filter.Not:
		return yes - judge(e.Args[0], row, known)
	}
	switch {
	case !known(e.Field):
		return maybe
	case e.Match(row):
		return yes
	}
	return no
}

func knowsMonth(field int) bool   { return field == tollbook.FieldMonth }
func knowsAccount(field int) bool { return field == tollbook.FieldAccountID }
func knowsCell(field int) bool    { return knowsMonth(field) || knowsAccount(field) }

// onlyCells tells whether a filter looks at nothing but account and month.
func onlyCells(e *filter.Expr) bool {
	if e == nil {
		return true
	}
	switch e.Op {
	case filter.And, filter.Or, filter.Not:
		return !slices.ContainsFunc(e.Args, func(arg *filter.Expr) bool { return !onlyCells(arg) })
	}
	return knowsCell(e.Field)
}

// choice is what a filter says of each month and of each account of an
// organization, as far as one alone decides.
type choice struct {
	v        *views
	org      *organization
	filter   *filter.Expr
	months   []verdict // by org.months
	accounts []verdict // by org.accounts
}

func (v *views) choose(org *organization, e *filter.Expr) *choice {
	c := &choice{v: v, org: org, filter: e, months: make([]verdict, len(org.months)), accounts: make([]verdict, len(org.accounts))}
	var row tollbook.Record
	for i, m := range org.months {
		row.Month = m.month
		c.months[i] = judge(e, &row, knowsMonth)
	}
	for i, number := range org.accounts {
		row.AccountID = v.accounts[number].id
		c.accounts[i] = judge(e, &row, knowsAccount)
	}
	return c
}

// cell returns what the filter says of a cell.
func (c *choice) cell(account int, cl *cell) verdict {
	if c.accounts[account] != maybe {
		return c.accounts[account]
	}
	if v := c.months[c.monthIndex(cl.month)]; v != maybe {
		return v
	}
	row := tollbook.Record{AccountID: c.v.accounts[cl.account].id, Month: cl.month}
	return judge(c.filter, &row, knowsCell)
}

// monthIndex returns a month's place in org.months.
func (c *choice) monthIndex(month tollbook.Month) int {
	i, _ := slices.BinarySearchFunc(c.org.months, month, func(m *monthView, month tollbook.Month) int { return int(m.month - month) })
	return i
}

// eachCell calls fn for the cells that the filter does not rule out, by
// account and month.
func (c *choice) eachCell(fn func(cl *cell, what verdict)) {
	for i, number := range c.org.accounts {
		if c.accounts[i] == no {
			continue
		}
		for _, cellNo := range c.v.accounts[number].cells {
			cl := c.v.cells[cellNo]
			if what := c.cell(i, cl); what != no {
				fn(cl, what)
			}
		}
	}
}

// eachRuledOut calls fn for the cells that the filter rules out.
func (c *choice) eachRuledOut(fn func(cl *cell)) {
	for i, number := range c.org.accounts {
		if c.accounts[i] == yes {
			continue
		}
		for _, cellNo := range c.v.accounts[number].cells {
			if cl := c.v.cells[cellNo]; c.cell(i, cl) == no {
				fn(cl)
			}
		}
	}
}

// groups returns the chosen records in ascending order, for an order by id,
// month or account and a filter that looks at nothing but account and month.
// Where a list of a whole month or account is there, it is taken instead of
// those of its cells.
func (c *choice) groups(field tollbook.OrderField) ranking {
	switch field {
	case tollbook.OrderMonth:
		return c.byMonth()
	case tollbook.OrderAccountID:
		return c.byAccount()
	}
	var g group
	switch {
	case !slices.ContainsFunc(c.months, func(v verdict) bool { return v != yes }):
		g.add(&c.org.all)
	case !slices.Contains(c.months, maybe):
		for i, m := range c.org.months {
			if c.months[i] == yes {
				g.add(&m.list)
			}
		}
	case c.mostAccounts():
		g.add(&c.org.all)
		c.eachRuledOut(func(cl *cell) { g.remove(&cl.list) })
	default:
		for _, of := range c.byAccount() {
			for _, l := range of.lists {
				g.add(l)
			}
		}
	}
	return ranking{g}
}

// mostAccounts tells whether the filter rules out fewer accounts than not, so
// that it is less work to go through those.
func (c *choice) mostAccounts() bool {
	out := 0
	for _, v := range c.accounts {
		if v == no {
			out++
		}
	}
	return 2*out < len(c.accounts)
}

func (c *choice) byMonth() ranking {
	r := make(ranking, len(c.org.months))
	most := c.mostAccounts()
	for i, m := range c.org.months {
		r[i].month = m.month
		if c.months[i] == yes || c.months[i] == maybe && most {
			r[i].add(&m.list)
		}
	}
	if !slices.Contains(c.months, maybe) {
		return r
	}
	groupOf := func(cl *cell) *group {
		if i := c.monthIndex(cl.month); c.months[i] == maybe {
			return &r[i]
		}
		return new(group) // decided by its month
	}
	if most {
		c.eachRuledOut(func(cl *cell) { groupOf(cl).remove(&cl.list) })
	} else {
		c.eachCell(func(cl *cell, _ verdict) { groupOf(cl).add(&cl.list) })
	}
	return r
}

func (c *choice) byAccount() ranking {
	if slices.Contains(c.months, no) && !slices.Contains(c.months, maybe) {
		return c.byAccountInMonths()
	}
	r := make(ranking, len(c.org.accounts))
	for i, number := range c.org.accounts {
		a := &c.v.accounts[number]
		r[i].account = a.id
		switch c.accounts[i] {
		case yes:
			r[i].add(&a.list)
		case maybe:
			for _, cellNo := range a.cells {
				if cl := c.v.cells[cellNo]; c.cell(i, cl) == yes {
					r[i].add(&cl.list)
				}
			}
		}
	}
	return r
}

// byAccountInMonths is byAccount for a filter that looks at nothing but the
// month: it goes through the cells of the chosen months alone, which are in
// the order of accounts.
func (c *choice) byAccountInMonths() ranking {
	var chosen [][]uint32 // cells that are left, by month
	n := 0
	for i, m := range c.org.months {
		if c.months[i] == yes {
			chosen = append(chosen, m.cells)
			n += len(m.cells)
		}
	}
	r := make(ranking, len(c.org.accounts))
	lists := make([]*idList, 0, n) // of all groups
	for i, number := range c.org.accounts {
		from := len(lists)
		r[i].account = c.v.accounts[number].id
		for k, cells := range chosen {
			if len(cells) == 0 {
				continue
			}
			if cl := c.v.cells[cells[0]]; cl.account == number {
				chosen[k] = cells[1:]
				lists = append(lists, &cl.list)
				r[i].n += cl.list.len()
			}
		}
		r[i].lists = lists[from:len(lists):len(lists)]
	}
	return r
}
