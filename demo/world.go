package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tollbook"
	"tollbook/client"
)

// What a world is made of.
const (
	Months        = 14 // up to and with that of its last day
	DefaultEvents = 300_000

	seed        = 0x746f6c6c626f6f6b
	priceChange = 5 // months before the last
)

// World is what Load sends.
type World struct {
	Until         time.Time // its last day, midnight UTC
	Organizations []Organization
	Accounts      []Account
	Products      []Product
	Cards         []Card

	counts   [][Months]int // of events, by account
	products map[tollbook.UsageType]product
	all      []country
	byISO    map[string]country
	areas    map[string][]string
}

// Organization is a customer of the world.
type Organization struct {
	ID   string
	Spec client.OrganizationSpec
}

// Account is an account of the world.
type Account struct {
	ID   string
	Spec client.AccountSpec

	place    place
	currency currency
	size     int // its share of the events
	zone     *time.Location
}

// Product is a product of the world.
type Product struct {
	ID   string
	Spec client.ProductSpec
}

// place is where accounts are.
type place struct {
	city, zone, iso, currency string
	areas                     []string // of its phone numbers
}

var places = []place{
	{"New York", "America/New_York", "US", "USD", []string{"212", "646", "718", "917"}},
	{"Los Angeles", "America/Los_Angeles", "US", "USD", []string{"213", "310", "323", "818"}},
	{"London", "Europe/London", "GB", "GBP", []string{"20", "121", "161", "7"}},
	{"Berlin", "Europe/Berlin", "DE", "EUR", []string{"30", "40", "89", "15", "17"}},
	{"Tokyo", "Asia/Tokyo", "JP", "JPY", []string{"3", "6", "52", "90"}},
	{"Sydney", "Australia/Sydney", "AU", "USD", []string{"2", "3", "4", "7"}},
}

// areas returns, for countries whose calling code begins that of others, what
// stands behind it in their own numbers; likewise for the countries of places.
func areas() map[string][]string {
	all := map[string][]string{"RU": {"495", "812", "916"}}
	for _, p := range places {
		all[p.iso] = append(all[p.iso], p.areas...)
	}
	return all
}

// customer is an organization and how many accounts it has.
type customer struct {
	id, name, reseller string
	entitled           bool
	accounts           int
}

const reseller = "harbour-partners"

var customers = []customer{
	{"meridian-retail", "Meridian Retail", "", false, 16},
	{"bluebird-travel", "Bluebird Travel", reseller, true, 14},
	{"copper-clinics", "Copper Clinics", reseller, false, 10},
}

// New returns the world whose last day is until, with about that many events
// (DefaultEvents for the usual one). Only until's date counts.
func New(until time.Time, events int) (*World, error) {
	y, m, d := until.Date()
	w := &World{Until: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), products: map[tollbook.UsageType]product{}, byISO: map[string]country{}, areas: areas()}
	w.Cards = cards((w.lastMonth() - priceChange).String() + "-01")
	for _, c := range countries() {
		w.byISO[c.iso] = c
		w.all = append(w.all, c)
	}
	for _, p := range products() {
		w.products[p.of] = p
		w.Products = append(w.Products, Product{p.id, client.ProductSpec{Name: p.name, Family: &p.family, UnitOfMeasure: &p.unitOfMeasure, ChargeType: &p.chargeBy}})
	}
	for _, c := range customers {
		if err := w.addCustomer(c); err != nil {
			return nil, err
		}
	}
	w.plan(events)
	return w, nil
}

func (w *World) lastMonth() tollbook.Month { return tollbook.MonthOf(w.Until) }

func (w *World) addCustomer(c customer) error {
	spec := client.OrganizationSpec{Name: c.name, Entitled: c.entitled, RateCardID: &currencies[0].card}
	if c.reseller != "" {
		spec.ResellerID = &c.reseller
	}
	w.Organizations = append(w.Organizations, Organization{c.id, spec})
	for i := range c.accounts {
		n := len(w.Accounts)
		a := Account{place: places[n%len(places)], size: 100 / (i + 2)}
		for _, cur := range currencies {
			if cur.code == a.place.currency {
				a.currency = cur
			}
		}
		// An id such as the public API reference shows: 24 hex digits.
		r := random(n, -1)
		a.ID = fmt.Sprintf("%08x%016x", 0x5ea75fe7+uint32(r.IntN(1<<24)), r.Uint64())
		a.Spec = client.AccountSpec{
			OrganizationID: c.id, Name: fmt.Sprintf("%s %d", a.place.city, i/len(places)+1), CompanyName: c.name + " " + a.place.city,
			Status: "ACTIVE", TimeZone: a.place.zone,
		}
		switch i {
		case 7:
			a.Spec.Status = "IN_TRIAL"
		case 9:
			a.Spec.Status = "CHURNED"
		}
		if a.currency.card != *spec.RateCardID {
			a.Spec.RateCardID = &a.currency.card
		}
		var err error
		if a.zone, err = tollbook.LoadZone(a.place.zone); err != nil {
			return err
		}
		w.Accounts = append(w.Accounts, a)
	}
	return nil
}

// random returns the source of chance of an account's month; -1 is for the
// account itself.
func random(account, month int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(account)<<32|uint64(uint32(month))))
}

// span is the part of a month that a world covers.
type span struct {
	start, end time.Time
	whole      time.Duration // the month's length
}

// span returns what the world covers of the i-th of its months for an
// account: in the account's own zone, so that no event falls into a month
// before the first or after the last.
func (w *World) span(a *Account, i int) span {
	m := w.lastMonth() - Months + 1 + tollbook.Month(i)
	s := span{start: m.Start(a.zone), end: (m + 1).Start(a.zone)}
	s.whole = s.end.Sub(s.start)
	if over := w.Until.AddDate(0, 0, 1); s.end.After(over) {
		s.end = over
	}
	return s
}

// share is how many events a month of an account is worth, before scaling:
// its size, growing month by month, and less of a month that is not over.
func (w *World) share(a *Account, i int) int64 {
	s := w.span(a, i)
	return int64(a.size) * int64(20+i) * int64(s.end.Sub(s.start)/time.Minute) / int64(s.whole/time.Minute)
}
