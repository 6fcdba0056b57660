package clickhousestore

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
	"tollbook/decimal"
)

// charges is what a word counts, as columns hold it: of each charge its line,
// its increments, and 1 where it makes the event one of its record. An event
// without charges has one of no line, so that it is counted as well.
type charges struct {
	lines      [][]byte
	increments []string
	counts     []uint8
}

var noLine = make([]byte, 16)

// chargesOf returns what a word counts that holds these. In lines without tiers
// an event is one of a record however many charges it has there; of each line
// with tiers it is one of its own.
func chargesOf(all []tollbook.Charge) (c charges) {
	if len(all) == 0 {
		return charges{[][]byte{noLine}, []string{"0"}, []uint8{1}}
	}
	for i := range all {
		l := all[i].Line
		c.lines = append(c.lines, keyOf(l))
		c.increments = append(c.increments, all[i].Increments.String())
		count := uint8(1)
		for _, before := range all[:i] {
			if before.Line.Key() == l.Key() || len(l.Tiers) == 0 && len(before.Line.Tiers) == 0 && before.Line.Grouping == l.Grouping {
				count = 0
			}
		}
		c.counts = append(c.counts, count)
	}
	return c
}

// wordColumns collects words as columns.
type wordColumns struct {
	organization, account []string
	booked, home          []int32
	claim                 [][]byte
	lines                 [][][]byte
	increments            [][]string
	counts                [][]uint8
	unrated               []uint8
	rateCard, ratePrefix  []string
	rateVersion, rateRow  []uint32
	normal, cloudEvent    []string
	item                  []uint32
	fingerprint           []uint64 // of events
	came                  []uint64 // from here on of bookings
	wasBooked             []int32
	wasLines              [][][]byte
	wasIncrements         [][]string
	wasCounts             [][]uint8
	voided, adjusts       []uint8
	voidReason, voidActor []string
	voidAt                []string
	voidSource, voidID    []string
	standsFor             [][]byte
}

func (w *wordColumns) add(organizationID string, e *tollbook.Event, claim *tollbook.Claim, home, booked tollbook.Month, m *tollbook.Measured, normal []byte) {
	w.organization = append(w.organization, organizationID)
	w.account = append(w.account, e.AccountID)
	w.booked, w.home = append(w.booked, int32(booked)), append(w.home, int32(home))
	w.claim = append(w.claim, claim[:])
	c := chargesOf(m.Charges)
	w.lines, w.increments, w.counts = append(w.lines, c.lines), append(w.increments, c.increments), append(w.counts, c.counts)
	w.unrated = append(w.unrated, uint8(m.Unrated))
	w.rateCard, w.ratePrefix = append(w.rateCard, m.Rate.CardID), append(w.ratePrefix, m.Rate.Prefix)
	w.rateVersion, w.rateRow = append(w.rateVersion, uint32(m.Rate.Version)), append(w.rateRow, uint32(m.Rate.Row))
	w.normal, w.cloudEvent = append(w.normal, string(normal)), append(w.cloudEvent, e.CloudEventType)
	w.item = append(w.item, uint32(len(w.item)))
}

func (w *wordColumns) addEntry(e *tollbook.Entry) {
	w.add(e.OrganizationID, e.Event, &e.Claim, e.Home, e.Booked, &e.Measured, e.Normal)
	w.fingerprint = append(w.fingerprint, e.Fingerprint)
}

func (w *wordColumns) addBooking(b *tollbook.Booking) {
	e := b.Event
	w.add(e.OrganizationID, &e.Event, &e.Claim, e.Home, b.Booked, &b.Measured, e.AppendNormal(nil))
	last, was := len(w.lines)-1, charges{}
	if b.Void != nil && len(b.Charges) == 0 {
		w.lines[last], w.increments[last], w.counts[last] = nil, nil, nil // it counts nothing
	}
	if !b.Adjusts {
		was = chargesOf(e.Charges)
	}
	w.came = append(w.came, uint64(e.Came))
	w.wasBooked = append(w.wasBooked, int32(e.Booked))
	w.wasLines, w.wasIncrements, w.wasCounts = append(w.wasLines, was.lines), append(w.wasIncrements, was.increments), append(w.wasCounts, was.counts)
	w.adjusts = append(w.adjusts, flag(b.Adjusts))
	w.voided = append(w.voided, flag(b.Void != nil))
	void, at, standsFor := tollbook.Void{}, "", noLine
	if b.Void != nil {
		void = *b.Void
		at = void.At.UTC().Format(time.RFC3339Nano)
		if r := void.ReplacedBy; r != (tollbook.EventName{}) {
			claim := tollbook.ClaimOf(e.OrganizationID, r.Source, r.ID)
			standsFor = claim[:]
		}
	}
	w.voidReason, w.voidActor, w.voidAt = append(w.voidReason, void.Reason), append(w.voidActor, void.Actor), append(w.voidAt, at)
	w.voidSource, w.voidID = append(w.voidSource, void.ReplacedBy.Source), append(w.voidID, void.ReplacedBy.ID)
	w.standsFor = append(w.standsFor, standsFor)
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// columns are those that events and bookings share, with how they are read out
// of the table that is sent.
func (w *wordColumns) columns() []sentColumn {
	return []sentColumn{
		{"organization", "String", w.organization}, {"account", "String", w.account},
		{"booked", "Int32", w.booked}, {"home", "Int32", w.home}, {"claim", "FixedString(16)", w.claim},
		{"lines", "Array(FixedString(16))", w.lines}, {"increments", "Array(String)", w.increments}, {"counts", "Array(UInt8)", w.counts},
		{"unrated", "UInt8", w.unrated}, {"rate_card", "String", w.rateCard}, {"rate_version", "UInt32", w.rateVersion},
		{"rate_row", "UInt32", w.rateRow}, {"rate_prefix", "String", w.ratePrefix},
		{"normal", "String", w.normal}, {"cloudevent", "String", w.cloudEvent}, {"item", "UInt32", w.item},
	}
}

func (w *wordColumns) eventColumns() []sentColumn {
	return append(w.columns(), sentColumn{"fingerprint", "UInt64", w.fingerprint})
}

func (w *wordColumns) bookingColumns() []sentColumn {
	return append(w.columns(),
		sentColumn{"came", "UInt64", w.came}, sentColumn{"was_booked", "Int32", w.wasBooked}, sentColumn{"was_lines", "Array(FixedString(16))", w.wasLines},
		sentColumn{"was_increments", "Array(String)", w.wasIncrements}, sentColumn{"was_counts", "Array(UInt8)", w.wasCounts},
		sentColumn{"voided", "UInt8", w.voided}, sentColumn{"adjusts", "UInt8", w.adjusts},
		sentColumn{"void_reason", "String", w.voidReason}, sentColumn{"void_actor", "String", w.voidActor}, sentColumn{"void_at", "String", w.voidAt},
		sentColumn{"void_source", "String", w.voidSource}, sentColumn{"void_id", "String", w.voidID},
		sentColumn{"stands_for", "FixedString(16)", w.standsFor})
}

// The columns of a word, as readWord wants them.
const (
	eventWord = `organization, booked, home, claim, lines, arrayMap(x -> toString(x), increments) AS texts, unrated, rate_card, rate_version, rate_row, rate_prefix,
		normal, cloudevent, toUInt64(0) AS word_seq, batch AS word_came, item AS word_item, toUInt8(0) AS voided, toUInt8(0) AS adjusts, '' AS void_reason, '' AS void_actor, '' AS void_at, '' AS void_source, '' AS void_id`
	bookingWord = `organization, booked, home, claim, lines, arrayMap(x -> toString(x), increments) AS texts, unrated, rate_card, rate_version, rate_row, rate_prefix,
		normal, cloudevent, seq AS word_seq, came AS word_came, item AS word_item, voided, adjusts, void_reason, void_actor, void_at, void_source, void_id`
)

// rawWord is a word whose lines have not been looked up.
type rawWord struct {
	event      tollbook.BookedEvent
	lines      []string
	increments []string
}

// A Ref names a word. That an event came is named by its claim and its row, for
// several servers may have taken it; a correction by its seq, and its place in
// that.
const (
	refCame  tollbook.Ref = 1 << 63
	itemBits              = 24
)

func cameRef(claim tollbook.Claim, batch uint64, item uint32) tollbook.Ref {
	return refCame | tollbook.Ref(binary.BigEndian.Uint64(claim[:8])^batch^uint64(item))
}

func bookingRef(seq uint64, item uint32) tollbook.Ref {
	return tollbook.Ref(seq<<itemBits | uint64(item))
}

// seenRef is the Ref of what was read when a seq was the last one.
func seenRef(seq uint64) tollbook.Ref { return bookingRef(seq, 1<<itemBits-1) }

// seqOf returns the seq of a correction, 0 for that an event came.
func seqOf(ref tollbook.Ref) uint64 {
	if ref&refCame != 0 {
		return 0
	}
	return uint64(ref) >> itemBits
}

// readWord reads the columns of a word.
func readWord(rows driver.Rows) (w rawWord, err error) {
	var organization, claim, card, prefix, normal, cloudEvent, reason, actor, at, source, id string
	var booked, home int32
	var unrated, voided, adjusts uint8
	var version, row uint32
	var seq, came uint64
	var item uint32
	err = rows.Scan(&organization, &booked, &home, &claim, &w.lines, &w.increments, &unrated, &card, &version, &row, &prefix,
		&normal, &cloudEvent, &seq, &came, &item, &voided, &adjusts, &reason, &actor, &at, &source, &id)
	if err != nil {
		return w, err
	}
	e := &w.event
	event, rest, err := tollbook.DecodeNormal([]byte(normal))
	if err != nil || len(rest) > 0 {
		return w, fmt.Errorf("event %x is damaged: %w", claim, err)
	}
	e.Event, e.CloudEventType = event, cloudEvent
	e.OrganizationID, e.Claim = organization, tollbook.Claim([]byte(claim))
	e.Home, e.Booked = tollbook.Month(home), tollbook.Month(booked)
	e.Rate = tollbook.Rate{CardID: card, Version: int(version), Row: int(row), Prefix: prefix}
	e.Unrated, e.Adjusts = tollbook.Unrated(unrated), adjusts != 0
	if seq > 0 {
		e.Ref, e.Came = bookingRef(seq, item), tollbook.Ref(came)
	} else {
		e.Ref = cameRef(e.Claim, came, item)
		e.Came = e.Ref
	}
	if voided != 0 {
		v := &tollbook.Void{Reason: reason, Actor: actor, ReplacedBy: tollbook.EventName{Source: source, ID: id}}
		if v.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return w, fmt.Errorf("the void of event %x is damaged: %w", claim, err)
		}
		e.Void = v
	}
	return w, nil
}

// charge gives the word its charges; their lines are known by now.
func (w *rawWord) charge(lines *lineBook) error {
	for i, key := range w.lines {
		k := lineKey([]byte(key))
		if k == (lineKey{}) {
			continue
		}
		n, err := decimal.ParseInt(w.increments[i])
		if err != nil {
			return err
		}
		w.event.Charges = append(w.event.Charges, tollbook.Charge{Line: lines.line(k), Increments: n})
	}
	return nil
}
