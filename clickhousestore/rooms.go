package clickhousestore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// cell names an account's month of records.
type cell struct {
	organization, account string
	booked                tollbook.Month
}

func cellOf(e *tollbook.Entry) cell { return cell{e.OrganizationID, e.Event.AccountID, e.Booked} }

func cellsOf(group []*posting) map[cell]bool {
	cells := map[cell]bool{}
	for _, r := range group {
		for i := range r.entries {
			cells[cellOf(&r.entries[i])] = true
		}
	}
	return cells
}

// rooms knows how many records the lines in accounts' months could show, so
// that no month has more than tollbook.MaxRecordsPerMonth. Of what other
// servers add it learns after a while: the bound is kept exactly on one server,
// and nearly on many.
type rooms struct {
	mu    sync.Mutex
	cells map[cell]*room
	lines int // in all of them

	// adding is what the group in hand adds, which is not written yet; and exact the
	// cells that looked full and were read once more for it.
	adding map[cell]map[lineKey]bool
	exact  map[cell]bool
}

// room is what one account's month could show.
type room struct {
	lines   map[lineKey]bool
	parts   int // of all lines: at least as many as there are records
	fetched time.Time

	// groups are the records that the lines could show; nil as long as parts
	// alone tell that there is room.
	groups map[tollbook.Grouping]bool
}

const (
	roomAge  = time.Minute
	maxRooms = 5_000_000 // lines that are known; beyond, all are forgotten
)

func (rs *rooms) init() { rs.cells = map[cell]*room{} }

// load has the rooms of cells known, for a group that adds to them.
func (rs *rooms) load(ctx context.Context, s *Store, cells map[cell]bool) error {
	rs.mu.Lock()
	rs.adding, rs.exact = map[cell]map[lineKey]bool{}, map[cell]bool{}
	if rs.lines > maxRooms {
		rs.cells, rs.lines = map[cell]*room{}, 0
	}
	var missing []cell
	for c := range cells {
		if r := rs.cells[c]; r == nil || s.opts.Clock().Sub(r.fetched) > roomAge {
			missing = append(missing, c)
		}
	}
	rs.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	fresh, err := s.fetchRooms(ctx, missing)
	if err != nil {
		return err
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.put(fresh)
	return nil
}

func (rs *rooms) put(fresh map[cell]*room) {
	for c, r := range fresh {
		if old := rs.cells[c]; old != nil {
			rs.lines -= len(old.lines)
		}
		rs.cells[c] = r
		rs.lines += len(r.lines)
	}
}

// fetchRooms reads the lines in accounts' months: those that have been folded,
// and those in the epochs since.
func (s *Store) fetchRooms(ctx context.Context, cells []cell) (map[cell]*room, error) {
	now := s.opts.Clock()
	rooms := map[cell]*room{}
	keys := map[lineKey]bool{}
	for _, c := range cells {
		rooms[c] = &room{lines: map[lineKey]bool{}, fetched: now}
	}
	asked, err := with(ctx, cellTable("asked", cells))
	if err != nil {
		return nil, err
	}
	const these = "(organization, account, booked) IN (SELECT organization, account, booked FROM asked)"
	sql := fmt.Sprintf(`WITH (SELECT max(cut) FROM folds) AS folded SELECT DISTINCT organization, account, booked, line FROM (
		SELECT organization, account, booked, line FROM tallies FINAL WHERE %[1]s AND events > 0
		UNION ALL SELECT organization, account, booked, arrayJoin(lines) FROM events WHERE epoch >= folded AND %[1]s
		UNION ALL SELECT organization, account, booked, arrayJoin(lines) FROM bookings WHERE epoch >= folded AND %[1]s
	)`, these)
	err = s.query(asked, sql, func(rows driver.Rows) error {
		var c cell
		var booked int32
		var line string
		if err := rows.Scan(&c.organization, &c.account, &booked, &line); err != nil {
			return err
		}
		c.booked = tollbook.Month(booked)
		k := lineKey([]byte(line))
		if k != (lineKey{}) {
			rooms[c].lines[k], keys[k] = true, true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.loadLines(ctx, keys); err != nil {
		return nil, err
	}
	for _, r := range rooms {
		for k := range r.lines {
			r.parts += s.lines.line(k).Parts()
		}
	}
	return rooms, nil
}

// cellTable makes cells a table to be sent.
func cellTable(name string, cells []cell) *sent {
	var organization, account []string
	var booked []int32
	for _, c := range cells {
		organization, account, booked = append(organization, c.organization), append(account, c.account), append(booked, int32(c.booked))
	}
	return &sent{name, []sentColumn{{"organization", "String", organization}, {"account", "String", account}, {"booked", "Int32", booked}}}
}

// take makes room for an event's charges in a cell, if there is any.
func (rs *rooms) take(ctx context.Context, s *Store, c cell, charges []tollbook.Charge) (bool, error) {
	if rs.add(&s.lines, c, charges) {
		return true, nil
	}
	if rs.isExact(c) {
		return false, nil
	}
	// It looks full: what has been taken out since is not known yet.
	if _, err := s.fold(ctx); err != nil {
		return false, err
	}
	fresh, err := s.fetchRooms(ctx, []cell{c})
	if err != nil {
		return false, err
	}
	rs.mu.Lock()
	for k := range rs.adding[c] {
		if r := fresh[c]; !r.lines[k] {
			r.lines[k] = true // its groups are made with it
			r.parts += s.lines.line(k).Parts()
		}
	}
	rs.put(fresh)
	rs.exact[c] = true
	rs.mu.Unlock()
	return rs.add(&s.lines, c, charges), nil
}

func (rs *rooms) isExact(c cell) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.exact[c]
}

// add adds charges to a room, if they fit.
func (rs *rooms) add(lines *lineBook, c cell, charges []tollbook.Charge) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	fresh, fits := rs.cells[c].add(lines, charges)
	if rs.adding[c] == nil && len(fresh) > 0 {
		rs.adding[c] = map[lineKey]bool{}
	}
	for _, k := range fresh {
		rs.adding[c][k] = true
	}
	rs.lines += len(fresh)
	return fits
}

// add adds the lines of charges, if they fit, and returns those that are new.
func (r *room) add(lines *lineBook, charges []tollbook.Charge) (added []lineKey, fits bool) {
	var fresh []*tollbook.Line
	parts := r.parts
	for i := range charges {
		if l := charges[i].Line; !r.lines[l.Key()] {
			fresh = append(fresh, l)
			parts += l.Parts()
		}
	}
	if len(fresh) == 0 {
		return nil, true
	}
	if parts > tollbook.MaxRecordsPerMonth && !r.show(lines, fresh) {
		return nil, false
	}
	for _, l := range fresh {
		lines.learn(l)
		r.lines[l.Key()] = true
		added = append(added, l.Key())
	}
	r.parts = parts
	return added, true
}

// show adds what more lines could show to the groups, unless that is too much.
func (r *room) show(lines *lineBook, more []*tollbook.Line) bool {
	if r.groups == nil {
		r.groups = map[tollbook.Grouping]bool{}
		for k := range r.lines {
			l := lines.line(k)
			if l == nil { // it was let go: the cell is to be read once more
				r.groups = nil
				return false
			}
			for i := range l.Parts() {
				r.groups[l.Part(i).Grouping] = true
			}
		}
	}
	var added []tollbook.Grouping
	for _, l := range more {
		for i := range l.Parts() {
			if g := l.Part(i).Grouping; !r.groups[g] {
				r.groups[g] = true
				added = append(added, g)
			}
		}
	}
	if len(r.groups) <= tollbook.MaxRecordsPerMonth {
		return true
	}
	for _, g := range added {
		delete(r.groups, g)
	}
	return false
}
