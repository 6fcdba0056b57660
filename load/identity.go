package load

import (
	"encoding/hex"
	"fmt"
	"strconv"
)

// key is a number that no two workloads of different events share, but by a
// chance of 2^-56.
func (w *Workload) key() (key [7]byte) {
	h := w.Seed
	for _, v := range [...]int{w.Accounts, w.PerAccount, w.Rates, int(w.Month), w.Repeats} {
		h = mix(h + golden*uint64(v+1))
	}
	for i := range key {
		key[i] = byte(h >> (8 * i))
	}
	return key
}

// OrganizationID returns the id of the workload's own organization. Another
// workload has another one, with accounts of its own, so that any number of
// them can be in one ledger.
func (w *Workload) OrganizationID() string {
	key := w.key()
	return "bench-" + hex.EncodeToString(key[:])
}

// CardID returns the id of the workload's own rate card.
func (w *Workload) CardID() string { return w.OrganizationID() }

// Name returns what the workload is made from, for people.
func (w *Workload) Name() string {
	return fmt.Sprintf("Load of seed %d: %d accounts of %d records in %s", w.Seed, w.Accounts, w.PerAccount, w.Month)
}

const (
	accountPrefix = "5ea7"
	accountDigits = 6
)

// AccountID returns the id of an account, 24 hex digits.
func (w *Workload) AccountID(i int) string { return string(w.appendAccount(nil, i)) }

func (w *Workload) appendAccount(dst []byte, i int) []byte {
	key := w.key()
	dst = hex.AppendEncode(append(dst, accountPrefix...), key[:])
	return appendDigits(dst, i, accountDigits)
}

// accountOf returns which account has an id.
func (w *Workload) accountOf(id string) (int, bool) {
	i, err := strconv.Atoi(id[max(0, len(id)-accountDigits):])
	return i, err == nil && i >= 0 && i < w.Accounts && w.AccountID(i) == id
}
