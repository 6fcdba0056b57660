package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"tollbook"
	"tollbook/rating"
)

// state is what all definitions up to pos come to, and while more of them are
// being applied, some of those.
type state struct {
	pos           tollbook.Pos
	organizations map[string]*organization
	accounts      map[string]*account
	products      map[string]*product
	cards         map[string]*card
	clients       map[string]*client
	marks         []MarkedAt // in order
	markedDay     string     // the last one
	rerates       map[string]*object[Rerate]
	rerateOrder   []string // ids, in the order of their positions

	external  map[string]string             // external id → id of the client, unless revoked
	calendars map[string]*tollbook.Calendar // by the zones' JSON: accounts share them
	stale     map[string]string             // rate cards to compile: id → CSV
	pricer    *rating.Pricer

	alerting
}

// object is a defined thing as it is now, and how it came to be so.
type object[T any] struct {
	value   T
	history []Change
}

// Change is one entry of an object's history. Value is what it was from then
// on, without secrets and without the text of rate cards.
type Change struct {
	Position tollbook.Pos    `json:"position"`
	At       time.Time       `json:"at"`
	Actor    string          `json:"actor"`
	Value    json.RawMessage `json:"value"`
}

type (
	product = object[tollbook.Product]
	client  = object[tollbook.Client]

	organization struct {
		object[tollbook.Organization]
		accounts map[string]*account
		closed   []*closedMonth // in order, without gaps
	}
	account struct {
		organization *organization
		calendar     *tollbook.Calendar
		object[tollbook.Account]
	}
	card struct {
		object[tollbook.RateCard] // without its CSV
		hash                      [32]byte
		compiled                  *rating.Card
	}
)

func newState() *state {
	return &state{
		organizations: map[string]*organization{},
		accounts:      map[string]*account{},
		products:      map[string]*product{},
		cards:         map[string]*card{},
		clients:       map[string]*client{},
		rerates:       map[string]*object[Rerate]{},
		external:      map[string]string{},
		calendars:     map[string]*tollbook.Calendar{},
		stale:         map[string]string{},
		pricer:        rating.NewPricer(),
		alerting:      newAlerting(),
	}
}

// apply makes one more definition hold, but for the rates of cards: compileStale
// and settle follow.
func (s *state) apply(def *tollbook.Definition) (err error) {
	switch def.Kind {
	case tollbook.KindOrganization:
		o := s.organizations[def.ID]
		if o == nil {
			o = &organization{accounts: map[string]*account{}}
			s.organizations[def.ID] = o
		}
		err = set(&o.object, def, nil)
	case tollbook.KindAccount:
		err = s.applyAccount(def)
	case tollbook.KindProduct:
		p := s.products[def.ID]
		if p == nil {
			p = &product{}
			s.products[def.ID] = p
		}
		err = set(p, def, nil)
	case tollbook.KindRateCard:
		c := s.cards[def.ID]
		if c == nil {
			c = &card{}
			s.cards[def.ID] = c
		}
		err = set(&c.object, def, func(v *tollbook.RateCard) {
			s.stale[def.ID] = v.CSV
			c.hash = cardHash(v.CSV)
			v.CSV = ""
		})
	case tollbook.KindClient:
		c := s.clients[def.ID]
		if c == nil {
			c = &client{}
			s.clients[def.ID] = c
		}
		err = set(c, def, nil)
		s.indexExternal(&c.value)
	case tollbook.KindAlert, tollbook.KindFiring, tollbook.KindDelivery:
		err = s.alerting.apply(def)
	case tollbook.KindMonth:
		err = s.applyMonth(def)
	case tollbook.KindMark:
		err = s.applyMark(def)
	case tollbook.KindRerate:
		err = s.applyRerate(def)
	default:
		err = fmt.Errorf("unknown kind %d: written by a later version", def.Kind)
	}
	return err
}

// set makes the definition the object's value and the last of its history;
// trim takes out what is not to be kept in memory.
func set[T any](o *object[T], def *tollbook.Definition, trim func(*T)) error {
	var v T
	if err := json.Unmarshal(def.Body, &v); err != nil {
		return err
	}
	if trim != nil {
		trim(&v)
	}
	shown, err := json.Marshal(public(v))
	if err != nil {
		return err
	}
	o.value = v
	o.history = append(o.history, Change{Position: def.Pos, At: def.At, Actor: def.Actor, Value: shown})
	return nil
}

// public returns v without what must not be shown.
func public(v any) any {
	switch v := v.(type) {
	case tollbook.Client:
		return ClientView(v)
	case tollbook.Alert:
		return AlertView(v)
	}
	return v
}

func (s *state) applyAccount(def *tollbook.Definition) error {
	a := s.accounts[def.ID]
	if a == nil {
		a = &account{}
	}
	if err := set(&a.object, def, nil); err != nil {
		return err
	}
	a.organization = s.organizations[a.value.OrganizationID]
	if a.organization == nil {
		return fmt.Errorf("organization %s is not defined", a.value.OrganizationID)
	}
	var err error
	if a.calendar, err = s.calendar(a.value.Zones); err != nil {
		return err
	}
	s.accounts[def.ID] = a
	a.organization.accounts[def.ID] = a
	return nil
}

// calendar returns the calendar of a list of zones; most accounts share few.
func (s *state) calendar(zones []tollbook.ZoneFrom) (*tollbook.Calendar, error) {
	key, err := json.Marshal(zones)
	if err != nil {
		return nil, err
	}
	if c, ok := s.calendars[string(key)]; ok {
		return c, nil
	}
	c, err := tollbook.NewCalendar(zones)
	if err != nil {
		return nil, err
	}
	s.calendars[string(key)] = c
	return c, nil
}

func (s *state) indexExternal(c *tollbook.Client) {
	switch {
	case c.ExternalID == "":
	case c.RevokedAt == nil:
		s.external[c.ExternalID] = c.ID
	case s.external[c.ExternalID] == c.ID:
		delete(s.external, c.ExternalID)
	}
}

// compileStale compiles the latest version of each card that changed. It only
// reads.
func (s *state) compileStale() (map[string]*rating.Card, error) {
	compiled := make(map[string]*rating.Card, len(s.stale))
	for id, csv := range s.stale {
		table, faults := rating.ParseCard(csv)
		if len(faults) > 0 {
			return nil, fmt.Errorf("rate card %s as stored: %s: %s", id, faults[0].Name, faults[0].Description)
		}
		compiled[id] = rating.Compile(id, s.cards[id].value.Version, table)
	}
	return compiled, nil
}

// settle makes pos the position of the state, with the cards that were stale.
func (s *state) settle(pos tollbook.Pos, compiled map[string]*rating.Card) {
	s.pos = pos
	for id, c := range compiled {
		s.cards[id].compiled = c
		delete(s.stale, id)
	}
}

// cardIDOf returns the id of the card that an account is rated by, nil for
// none.
func (s *state) cardIDOf(a *account) *string {
	if id := a.value.RateCardID; id != nil {
		return id
	}
	return a.organization.value.RateCardID
}

// cardOf returns the compiled card that an account is rated by, nil for none.
func (s *state) cardOf(a *account) *rating.Card {
	id := s.cardIDOf(a)
	if id == nil {
		return nil
	}
	return s.cards[*id].compiled
}

// encode makes a definition of d, with a request id of its own.
func (b *Book) encode(d authored) (tollbook.Definition, error) {
	body, err := json.Marshal(d.value)
	if err != nil {
		return tollbook.Definition{}, err
	}
	def := tollbook.Definition{At: b.opt.Clock().UTC(), Actor: d.actor, Kind: d.kind, ID: d.id, Body: body}
	_, err = io.ReadFull(b.opt.Rand, def.RequestID[:])
	return def, err
}

func isMoved(err error) bool { return errors.Is(err, tollbook.ErrMoved) }

// isBusy tells whether a ledger says to come again: nothing was stored.
func isBusy(err error) bool {
	return err != nil && tollbook.CodeOf(err) == tollbook.CodeTooManyRequests
}
