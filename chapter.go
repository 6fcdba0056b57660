package tollbook

// Chapter is a stretch of a ledger's journal: definitions, or events that came,
// or corrections of events. What is not of its kind is empty.
type Chapter struct {
	Definitions []Definition
	Entries     []Entry       // the events that came, each with what was measured of it then
	Bookings    []BookedEvent // words that correct, each of another event, as History has them
	// Together tells that the bookings were made by one call and are OfOneMonth:
	// they are a Restatement's, or look like one's. They may be more than MaxBatch.
	Together bool

	Next string // what Journal goes on from behind the chapter

	// Done of Total is how far the journal is by now, in a measure of its own:
	// for people to look at.
	Done, Total int64
}

// Len returns how many definitions, events or bookings the chapter has.
func (c *Chapter) Len() int { return len(c.Definitions) + len(c.Entries) + len(c.Bookings) }

// MaxChapterBytes is about how many bytes of definitions or events a chapter
// holds at most, unless the first of them alone is longer.
const MaxChapterBytes = 16 << 20

// OfOneMonth tells whether words are what a Restatement may have said: they
// count in one account's month, and none takes back.
func OfOneMonth(words []BookedEvent) bool {
	for i := range words {
		w, first := &words[i], &words[0]
		if w.Void != nil || w.Adjusts || w.OrganizationID != first.OrganizationID || w.AccountID != first.AccountID || w.Booked != first.Booked {
			return false
		}
	}
	return len(words) > 0
}

// Chapters puts the parts of a journal into chapters: a ledger adds one part
// after the other, and yields those that are full.
type Chapters struct {
	inHand Chapter
	bytes  int
	claims map[Claim]struct{} // of bookings
}

// Add adds a part of one kind, of so many bytes, behind what was added before.
// Its Next is where the journal goes on behind it. Where it does not go with what
// is in hand, full is that, and has something in it.
func (x *Chapters) Add(part Chapter, bytes int) (full Chapter) {
	if part.Len() == 0 {
		return full
	}
	if !x.joins(&part, bytes) {
		full = x.End()
	}
	have := &x.inHand
	have.Definitions = append(have.Definitions, part.Definitions...)
	have.Entries = append(have.Entries, part.Entries...)
	have.Bookings = append(have.Bookings, part.Bookings...)
	have.Together = part.Together
	have.Next, have.Done, have.Total = part.Next, part.Done, part.Total
	x.bytes += bytes
	for i := range part.Bookings {
		if x.claims == nil {
			x.claims = make(map[Claim]struct{})
		}
		x.claims[part.Bookings[i].Claim] = struct{}{}
	}
	return full
}

// End returns what is in hand, and begins anew.
func (x *Chapters) End() Chapter {
	c := x.inHand
	*x = Chapters{}
	return c
}

// joins tells whether a part goes with what is in hand.
func (x *Chapters) joins(part *Chapter, bytes int) bool {
	have := &x.inHand
	switch {
	case have.Len() == 0:
		return true
	case have.Len()+part.Len() > MaxBatch || x.bytes+bytes > MaxChapterBytes || have.Together || part.Together:
		return false
	case len(part.Definitions) > 0:
		return len(have.Definitions) > 0
	case len(part.Entries) > 0:
		return len(have.Entries) > 0
	}
	for i := range part.Bookings {
		if _, there := x.claims[part.Bookings[i].Claim]; there {
			return false // it corrects what is corrected in this chapter
		}
	}
	return len(have.Bookings) > 0
}
