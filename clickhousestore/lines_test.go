package clickhousestore

import (
	"fmt"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// TestLinesAreLetGo: of many lines those stay that are asked for.
func TestLinesAreLetGo(t *testing.T) {
	var b lineBook
	b.init()
	b.most = 10
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	one := decimal.New(decimal.NewInt(1), 0)
	line := func(i int) *tollbook.Line {
		return tollbook.NewLine(tollbook.Grouping{ProductID: fmt.Sprint(i)}, one, one)
	}
	for i := range b.most {
		b.learn(line(i))
	}
	if b.thin(now) {
		t.Error("as many as may be were let go")
	}
	kept, gone := lineKey(line(b.most).Key()), lineKey(line(0).Key())
	b.learn(line(b.most))
	if n := b.number(gone); n != 0 {
		t.Errorf("the first number is %d", n)
	}
	if !b.thin(now) || b.line(gone) == nil || b.line(kept) == nil {
		t.Error("lines of now were let go")
	}
	if n := b.number(kept); n != 0 {
		t.Errorf("the first number is %d, once they are given anew", n)
	}
	gone = lineKey(line(1).Key())
	if now = now.Add(letGoEvery - 1); b.thin(now) {
		t.Error("lines were let go so soon")
	}
	now = now.Add(1)
	if !b.thin(now) || b.line(gone) != nil || b.line(kept) == nil {
		t.Errorf("of %d lines, two of which are asked for, %d are left", b.most+1, len(b.lines))
	}
	r := room{lines: map[lineKey]bool{gone: true}, parts: tollbook.MaxRecordsPerMonth}
	if _, fits := r.add(&b, []tollbook.Charge{{Line: line(2)}}); fits || r.groups != nil {
		t.Error("a month is counted without a line that was let go")
	}
}
