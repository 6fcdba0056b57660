package clickhousestore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// idLists is the ids of organizations' records, in order, as they are since a
// cut: where a page begins, and how many records there are, is known then without
// counting those in front of it.
type idLists struct {
	mu    sync.Mutex
	lists map[string]*idList // by organization
	turn  uint64             // counts what is asked for
}

// idList is of one organization.
type idList struct {
	turn uint64 // when it was asked for last; guarded by idLists.mu
	size int    // of ids; guarded by idLists.mu

	mu    sync.Mutex // held while it is read
	asked uint64     // one more than the cut since which it was asked for last
	read  bool
	cut   uint64              // it is not older than that
	ids   []tollbook.RecordID // ascending; nil where there are too many
}

const (
	// maxListed is how many ids are kept of an organization: 16 MB of them.
	maxListed = 1_000_000
	// maxListedOfAll is how many are kept of all organizations.
	maxListedOfAll = 8 * maxListed
)

func (l *idLists) init() { l.lists = map[string]*idList{} }

// idsOf returns the ids of an organization's records, none of which came before a
// cut and is missing; nil where there are too many to be kept. They are read for the
// second page since a cut: for one alone that would be no less work than the page.
func (s *Store) idsOf(ctx context.Context, organizationID string, cut uint64) ([]tollbook.RecordID, error) {
	l := s.ids.list(organizationID)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read && (l.cut >= cut || l.ids == nil) { // too many once are hardly ever fewer
		return l.ids, nil
	}
	if l.asked != cut+1 {
		l.asked = cut + 1
		return nil, nil
	}
	ids, err := s.readIDs(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	l.read, l.cut, l.ids = true, cut, ids
	s.ids.sized(l, len(ids))
	return ids, nil
}

// list returns the list of an organization, for which there may be room to be
// made.
func (l *idLists) list(organizationID string) *idList {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.lists[organizationID]
	if list == nil {
		list = &idList{}
		l.lists[organizationID] = list
	}
	l.turn++
	list.turn = l.turn
	return list
}

// sized notes how large a list is, and forgets those that were asked for the
// longest ago while they are too large together.
func (l *idLists) sized(list *idList, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list.size = size
	sum := 0
	names := make([]string, 0, len(l.lists))
	for name, one := range l.lists {
		names, sum = append(names, name), sum+one.size
	}
	if sum <= maxListedOfAll {
		return
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(l.lists[a].turn, l.lists[b].turn) })
	for _, name := range names {
		if sum <= maxListedOfAll {
			return
		}
		if one := l.lists[name]; one != list {
			sum -= one.size
			delete(l.lists, name)
		}
	}
}

// readIDs reads the ids of an organization's records; nil where there are too many.
func (s *Store) readIDs(ctx context.Context, organizationID string) ([]tollbook.RecordID, error) {
	ids := []tollbook.RecordID{}
	err := s.query(ctx, fmt.Sprintf("SELECT id FROM %s ORDER BY id LIMIT %d", inOrderOfIDs(organizationID), maxListed+1), func(rows driver.Rows) error {
		ids = append(ids, tollbook.RecordID{})
		return rows.Scan((*scanned16)(&ids[len(ids)-1]))
	})
	if len(ids) > maxListed {
		ids = nil
	}
	return ids, err
}

// inOrderOfIDs returns where the records of an organization are in the order of
// their ids, to be followed by more conditions.
func inOrderOfIDs(organizationID string) string {
	return fmt.Sprintf("records_by_id FINAL WHERE organization = %s AND events > 0", quote(organizationID))
}

// listed returns a page of all records in the order of their ids. It tells
// whether it can be told by a list.
func (s *Store) listed(ctx context.Context, q *tollbook.Query, cut uint64) (page tollbook.Page, is bool, err error) {
	if q.Filter != nil || q.Order.Field != tollbook.OrderID || q.AsOf != 0 {
		return page, false, nil
	}
	ids, err := s.idsOf(ctx, q.OrganizationID, cut)
	if err != nil || ids == nil {
		return page, false, err
	}
	from, to, offset := among(q, ids)
	page.Total, page.Offset = len(ids), offset
	if from == to {
		return page, true, nil
	}
	// Others may have come since, and some may have gone.
	statement := fmt.Sprintf("SELECT %s FROM %s AND id >= %s AND id <= %s ORDER BY id", recordColumns, inOrderOfIDs(q.OrganizationID), key16(ids[from]), key16(ids[to-1]))
	err = s.query(ctx, statement, func(rows driver.Rows) error {
		r, err := scanRecord(rows)
		if _, there := find(ids[from:to], r.ID); there {
			page.Records = append(page.Records, r)
		}
		return err
	})
	if q.Order.Desc {
		slices.Reverse(page.Records)
	}
	return page, true, err
}

func find(ids []tollbook.RecordID, id tollbook.RecordID) (int, bool) {
	return slices.BinarySearchFunc(ids, id, func(a, b tollbook.RecordID) int { return bytes.Compare(a[:], b[:]) })
}

// among returns which of the ids, ascending, are on a page, and how many come
// before it in the order of the query.
func among(q *tollbook.Query, ids []tollbook.RecordID) (from, to, offset int) {
	// before returns how many ids come before a record; with it, if it is one.
	before := func(r *tollbook.Record, with bool) int {
		i, there := find(ids, r.ID)
		if there && with != q.Order.Desc {
			i++
		}
		if q.Order.Desc {
			i = len(ids) - i
		}
		return i
	}
	switch {
	case q.After != nil:
		from = before(q.After, true)
		to = min(from+q.Limit, len(ids))
	case q.Before != nil:
		to = before(q.Before, false)
		from = max(0, to-q.Limit)
	default:
		from = min(q.Offset, len(ids))
		to = min(from+q.Limit, len(ids))
	}
	offset = from
	if q.Order.Desc {
		from, to = len(ids)-to, len(ids)-from
	}
	return from, to, offset
}
