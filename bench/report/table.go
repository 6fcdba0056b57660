package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Table is a table in Markdown that can be read as it is, too.
type Table struct {
	head []string
	rows [][]string
}

// NewTable returns a table of columns; a head that starts with > is that of a
// column that is flush right.
func NewTable(head ...string) *Table { return &Table{head: head} }

// Row adds a row.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Empty tells whether there are no rows.
func (t *Table) Empty() bool { return len(t.rows) == 0 }

// String returns the table, its columns in line.
func (t *Table) String() string {
	widths := make([]int, len(t.head))
	right := make([]bool, len(t.head))
	head := make([]string, len(t.head))
	for i, h := range t.head {
		head[i], right[i] = strings.CutPrefix(h, ">")
		widths[i] = max(utf8.RuneCountInString(head[i]), 3)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	line(head)
	for i, w := range widths {
		if right[i] {
			b.WriteString("| " + strings.Repeat("-", w-1) + ": ")
		} else {
			b.WriteString("| " + strings.Repeat("-", w) + " ")
		}
	}
	b.WriteString("|\n")
	for _, row := range t.rows {
		line(row)
	}
	return b.String()
}

// Count returns a number in groups of three digits, rounded to a whole one.
func Count(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Bytes returns a number of bytes as people say it.
func Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return Count(float64(n)) + " B"
}

// Millis returns a duration in milliseconds.
func Millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
