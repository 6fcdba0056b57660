package book

import (
	"time"

	"tollbook"
)

// WalletsOf makes wallets of totals, all accounts having one calendar.
func WalletsOf(totals []tollbook.Total, c *tollbook.Calendar, now time.Time) []Wallet {
	return walletsOf("acme", totals, func(string) moment { return momentOf(c, now) })
}

// Waiting returns how many definitions wait to be appended with others.
func (b *Book) Waiting() int {
	b.together.mu.Lock()
	defer b.together.mu.Unlock()
	return len(b.together.waiting)
}
