package bloom

import "tollbook"

// Chain is a filter that grows: filters each of which is for at least as many
// claims as all before it together, so that there are few. The zero value is one
// of no claims.
type Chain struct {
	filters []*Filter // what is added goes into the last one
	claims  int       // that they are for, all together
	room    int       // for how many the last one still is
}

// firstClaims is how many claims the first filter of a chain is for, unless more
// come at once: it takes 128 KiB.
const firstClaims = 1 << 16

// Reserve makes room for n claims more. Adding more than that is no error; the
// chain answers "maybe" more often then.
func (c *Chain) Reserve(n int) error {
	size := c.next(n)
	if size == 0 {
		return nil
	}
	f, err := New(size)
	if err != nil {
		return err
	}
	c.filters, c.claims, c.room = append(c.filters, f), c.claims+size, size
	return nil
}

// Needs returns how many bytes more Reserve would take for n claims.
func (c *Chain) Needs(n int) int64 { return int64(c.next(n)) * LineBytes / claimsPerLine }

// next returns for how many claims the next filter is, if n more need one; else 0.
func (c *Chain) next(n int) int {
	if n <= c.room {
		return 0
	}
	return max(n, c.claims, firstClaims)
}

// Add adds a claim. There must be a filter: Reserve makes one.
func (c *Chain) Add(claim *tollbook.Claim) {
	c.filters[len(c.filters)-1].Add(claim)
	c.room--
}

// MayHave returns false only when a claim was never added.
func (c *Chain) MayHave(claim *tollbook.Claim) bool {
	for i := len(c.filters) - 1; i >= 0; i-- { // most are in the last ones
		if c.filters[i].MayHave(claim) {
			return true
		}
	}
	return false
}

// Size returns how many bytes of memory the filters take.
func (c *Chain) Size() (n int64) {
	for _, f := range c.filters {
		n += int64(len(f.Bytes()))
	}
	return n
}

// Free gives the memory back, and leaves a chain of no claims.
func (c *Chain) Free() {
	for _, f := range c.filters {
		f.Free()
	}
	*c = Chain{}
}
