package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Count returns how many events the world has.
func (w *World) Count() int {
	n := 0
	for _, months := range w.counts {
		for _, events := range months {
			n += events
		}
	}
	return n
}

// plan shares the events out among the months of the accounts. An account's
// first month has one event of each type, however few there are.
func (w *World) plan(events int) {
	var all int64
	shares := make([][Months]int64, len(w.Accounts))
	for a := range w.Accounts {
		for m := range Months {
			shares[a][m] = w.share(&w.Accounts[a], m)
			all += shares[a][m]
		}
	}
	w.counts = make([][Months]int, len(w.Accounts))
	for a := range w.Accounts {
		for m := range Months {
			w.counts[a][m] = int(int64(events) * shares[a][m] / all)
		}
		w.counts[a][0] = max(w.counts[a][0], len(everyType()))
	}
}

// Events yields the world's events, account by account and month by month.
// The event is good until the next one.
func (w *World) Events() iter.Seq[*tollbook.Event] {
	return func(yield func(*tollbook.Event) bool) {
		for a := range w.Accounts {
			for m := range Months {
				if !w.monthOf(a, m, yield) {
					return
				}
			}
		}
	}
}

func everyType() []tollbook.UsageType {
	all := make([]tollbook.UsageType, len(tollbook.UsageTypes()))
	for i := range all {
		all[i] = tollbook.UsageType(i + 1)
	}
	return all
}

// mix is how often each type occurs, in a thousand.
var mix = []struct {
	of    tollbook.UsageType
	share int
}{
	{tollbook.Call, 600}, {tollbook.Message, 190}, {tollbook.APIRequest, 60}, {tollbook.AMD, 40}, {tollbook.Dialer, 35}, {tollbook.SpeechTranscription, 25},
	{tollbook.VoicemailTranscription, 15}, {tollbook.CallService, 15}, {tollbook.OtherType, 10}, {tollbook.Number, 5}, {tollbook.Recharge, 3},
	{tollbook.ProductService, 1}, {tollbook.CreditCommit, 1},
}

func draw(r *rand.Rand) tollbook.UsageType {
	n := r.IntN(1000)
	for _, m := range mix {
		if n -= m.share; n < 0 {
			return m.of
		}
	}
	return tollbook.Call
}

// teller makes the events of one account's month.
type teller struct {
	w       *World
	account *Account
	r       *rand.Rand
	span    span
	abroad  []country // that this account calls
	prefix  string    // of its events' ids
}

func (w *World) monthOf(account, month int, yield func(*tollbook.Event) bool) bool {
	n := w.counts[account][month]
	if n == 0 {
		return true
	}
	a := &w.Accounts[account]
	t := teller{w: w, account: a, r: random(account, month), span: w.span(a, month),
		prefix: fmt.Sprintf("%02d-%s-", account, (w.lastMonth() - Months + 1 + tollbook.Month(month)).String())}
	own := random(account, -2)
	for i := range 8 {
		if i < 5 {
			t.abroad = append(t.abroad, w.byISO[oftenCalled[own.IntN(len(oftenCalled))]])
		} else {
			t.abroad = append(t.abroad, w.all[own.IntN(len(w.all))])
		}
	}
	types := everyType()
	for i := range n {
		of := draw(t.r)
		if month == 0 && i < len(types) {
			of = types[i]
		}
		e := t.event(of, i)
		if !yield(&e) {
			return false
		}
	}
	return true
}

func (t *teller) event(of tollbook.UsageType, i int) tollbook.Event {
	p := t.w.products[of]
	e := tollbook.Event{ID: t.prefix + strconv.Itoa(i), Source: "demo", AccountID: t.account.ID, OccurredAt: t.time(), Type: of, Unit: of.DefaultUnit(), Country: t.account.place.iso}
	switch of {
	case tollbook.Call:
		t.call(&e)
	case tollbook.Message:
		t.message(&e)
	case tollbook.AMD:
		e.Direction, e.Resolution, e.Quantity = tollbook.Outbound, tollbook.Machine, whole(2+t.r.IntN(6))
	case tollbook.APIRequest:
		e.Quantity = whole(1 + t.r.IntN(4000))
	case tollbook.CallService:
		e.Subtype = []string{"recording", "conference"}[t.r.IntN(2)]
		e.Quantity = t.seconds()
	case tollbook.Dialer:
		e.Direction, e.Quantity = tollbook.Outbound, t.seconds()
	case tollbook.SpeechTranscription:
		e.Quantity = t.seconds()
	case tollbook.VoicemailTranscription:
		e.Direction, e.Resolution, e.Quantity = tollbook.Inbound, tollbook.Voicemail, whole(5+t.r.IntN(80))
	case tollbook.Number:
		e.Direction, e.Quantity = tollbook.Inbound, whole(1+t.r.IntN(5))
		if t.r.IntN(6) == 0 {
			e.Category = "toll-free"
		}
	case tollbook.OtherType:
		e.Unit, e.Quantity = tollbook.GB, decimal.New(decimal.NewInt(1+t.r.Int64N(40_000)), 3)
	case tollbook.ProductService:
		t.priced(&e, p, 75, 1+t.r.IntN(30))
	case tollbook.Recharge:
		t.priced(&e, p, 1, 50*(1+t.r.IntN(20)))
		e.WalletName = walletVoice
	case tollbook.CreditCommit:
		t.priced(&e, p, 1, 1000*(1+t.r.IntN(10)))
		e.WalletName = walletVoice
	}
	return e
}

func whole(n int) decimal.Decimal { return decimal.FromInt(int64(n)) }

// seconds returns the length of a conversation: most are short.
func (t *teller) seconds() decimal.Decimal { return whole(1 + t.r.IntN(1+t.r.IntN(1+t.r.IntN(3000)))) }

// priced makes the event one that carries its price, in dollars.
func (t *teller) priced(e *tollbook.Event, p product, dollars int64, quantity int) {
	e.Priced, e.Price, e.Quantity = true, decimal.New(decimal.NewInt(dollars*t.account.currency.times), 2), whole(quantity)
	if dollars == 1 { // an amount of money: one unit is one of its currency
		e.Price, e.Quantity = whole(1), whole(quantity*int(t.account.currency.times)/100)
	}
	e.Currency, e.Description, e.ProductID, e.AggrProductID = t.account.currency.code, p.name, p.id, p.aggregated
}

func (t *teller) call(e *tollbook.Event) {
	own := t.ownNumber()
	if t.r.IntN(3) == 0 {
		e.Direction, e.Resolution = tollbook.Inbound, tollbook.Answered
		e.From, e.To = t.number(t.somewhere()), own
		if t.r.IntN(4) == 0 {
			e.Category = "toll-free"
		}
		switch t.r.IntN(12) {
		case 0:
			e.Resolution = tollbook.Abandoned
		case 1:
			e.Resolution = tollbook.Voicemail
		}
	} else {
		to := t.somewhere()
		e.Direction, e.Resolution = tollbook.Outbound, tollbook.Answered
		e.From, e.To, e.Country = own, t.number(to), to.iso
		if t.r.IntN(20) == 0 {
			e.Resolution = tollbook.Missed
		}
	}
	if e.Resolution != tollbook.Missed { // nobody talked, nothing to pay
		e.Quantity = t.seconds()
	}
}

func (t *teller) message(e *tollbook.Event) {
	e.Direction, e.From, e.To = tollbook.Outbound, t.ownNumber(), t.number(t.home())
	e.Subtype, e.Quantity = "sms", whole(1+t.r.IntN(3))
	switch t.r.IntN(10) {
	case 0:
		e.Subtype = "mms"
	case 1, 2, 3:
		e.Direction, e.From, e.To = tollbook.Inbound, e.To, e.From
	}
}

func (t *teller) home() country { return t.w.byISO[t.account.place.iso] }

// somewhere is at home more often than not.
func (t *teller) somewhere() country {
	if t.r.IntN(10) < 6 {
		return t.home()
	}
	// Places that come first are called more often.
	return t.abroad[t.r.IntN(1+t.r.IntN(len(t.abroad)))]
}

// ownNumber returns one of the account's numbers.
func (t *teller) ownNumber() string {
	area := t.account.place.areas[t.r.IntN(len(t.account.place.areas))]
	return fmt.Sprintf("+%s%s555%04d", t.home().codes[0], area, 100+t.r.IntN(20))
}

// number returns a number of a country.
func (t *teller) number(c country) string {
	code := c.codes[t.r.IntN(len(c.codes))]
	if areas := t.w.areas[c.iso]; len(areas) > 0 {
		code += areas[t.r.IntN(len(areas))]
	} else {
		code += strconv.Itoa(1 + t.r.IntN(9))
	}
	return fmt.Sprintf("+%s%07d", code, t.r.IntN(10_000_000))
}

// hours is when people are at work, the busier the more often.
var hours = []int{8, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 12, 13, 13, 14, 14, 14, 14, 15, 15, 15, 16, 16, 17, 17, 18, 19, 20, 7, 22}

// time returns an instant of the month, mostly at working hours.
func (t *teller) time() time.Time {
	length := int64(t.span.end.Sub(t.span.start) / time.Second)
	day := t.span.start.Add(time.Duration(t.r.Int64N(length)) * time.Second).In(t.account.zone)
	y, m, d := day.Date()
	at := time.Date(y, m, d, hours[t.r.IntN(len(hours))], t.r.IntN(60), t.r.IntN(60), 0, t.account.zone)
	if at.Before(t.span.start) || !at.Before(t.span.end) {
		at = day
	}
	return at.UTC()
}
