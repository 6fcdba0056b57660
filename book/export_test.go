package book

import (
	"time"

	"tollbook"
)

// WalletsOf makes wallets of totals, all accounts having one calendar.
func WalletsOf(totals []tollbook.Total, c *tollbook.Calendar, now time.Time) []Wallet {
	return walletsOf("acme", totals, func(string) moment { return momentOf(c, now) })
}
