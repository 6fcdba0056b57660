package book

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tollbook"
	"tollbook/webhook"
)

// Bounds of telling receivers. One that is slow holds up others, and the next
// look at the alerts, no longer than its own attempts take.
const (
	maxHosts      = 64               // that messages are sent to at the same time
	sendingTime   = 10 * time.Second // after which no further attempts are made until the next time
	maxRecorded   = 1000             // attempts that are appended at once
	oldSecretTime = 24 * time.Hour   // how long messages are signed with the secret before the last one too
	maxErrorBytes = 256              // of an attempt's error
)

// attempt is a firing that a receiver is due to be told of, and then what came
// of it.
type attempt struct {
	alert  tollbook.Alert
	firing tollbook.Firing
	due    time.Time
	at     time.Time
	answer webhook.Answer
	over   bool // it was not made, and none will be: answer.Err says why
}

// deliver tells receivers of firings, as far as that is due.
func (b *Book) deliver(ctx context.Context) error {
	if b.opt.Webhooks.Send == nil || b.ledger.Ready(ctx) != nil {
		return nil // what cannot be written down would be sent again and again
	}
	now := b.opt.Clock().UTC()
	due, dropped := b.dueAttempts(now)
	if len(due)+len(dropped) == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan attempt, len(due)+len(dropped))
	for _, a := range dropped {
		done <- a
	}
	var sending sync.WaitGroup
	slots := make(chan struct{}, maxHosts)
	for _, host := range byHost(due) {
		sending.Go(func() {
			slots <- struct{}{}
			b.tell(ctx, host, now.Add(sendingTime), done)
			<-slots
		})
	}
	go func() {
		sending.Wait()
		close(done)
	}()
	var failed error
	for a := range done {
		if err := b.record(context.WithoutCancel(ctx), gather(a, done)); err != nil {
			failed = errors.Join(failed, err)
			stop()
		}
	}
	return failed
}

// gather returns first and what else is there already.
func gather(first attempt, more <-chan attempt) []attempt {
	all := []attempt{first}
	for len(all) < maxRecorded {
		select {
		case a, ok := <-more:
			if !ok {
				return all
			}
			all = append(all, a)
		default:
			return all
		}
	}
	return all
}

// Why attempts are not made any more.
var (
	errNotActive = errors.New("the alert has been deleted or disabled")
	errSilent    = errors.New("the receiver's host has not answered for a day")
)

// dueAttempts returns the attempts that are due, and those that are not to be
// made any more.
func (b *Book) dueAttempts(now time.Time) (due, dropped []attempt) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, f := range b.state.pending {
		a := attempt{alert: b.state.alerts[f.value.AlertID].value, firing: f.value, due: f.value.FiredAt, at: now}
		if next := f.delivery.value.NextAttemptAt; next != nil {
			a.due = *next
		}
		switch {
		case !a.alert.Active() || a.firing.FiredAt.Before(a.alert.CreatedAt): // of one deleted, whose id another has now
			a.answer.Err, a.over = errNotActive, true
			dropped = append(dropped, a)
		case !a.due.After(now):
			due = append(due, a)
		}
	}
	slices.SortFunc(due, func(x, y attempt) int {
		return cmp.Or(x.due.Compare(y.due), strings.Compare(x.firing.ID, y.firing.ID))
	})
	return due, dropped
}

// byHost parts attempts by the hosts that they go to, in their order. The host
// that waits longest is the first.
func byHost(due []attempt) [][]attempt {
	hosts := map[string][]attempt{}
	for _, a := range due {
		host := ""
		if u, err := url.Parse(a.alert.URL); err == nil {
			host = u.Host
		}
		hosts[host] = append(hosts[host], a)
	}
	return slices.SortedFunc(maps.Values(hosts), func(x, y []attempt) int { return x[0].due.Compare(y[0].due) })
}

// tell makes the attempts at one host, one after the other, until one of them
// has no answer or the time is up; the others stay due, unless a day has passed.
func (b *Book) tell(ctx context.Context, host []attempt, until time.Time, done chan<- attempt) {
	for i, a := range host {
		if a.at = b.opt.Clock().UTC(); ctx.Err() != nil || a.at.After(until) {
			return
		}
		a.answer = b.send(ctx, &a.alert, "alert.fired", &a.firing, a.at)
		if ctx.Err() != nil && !a.answer.Received() {
			return // we went away, not the receiver
		}
		done <- a
		if a.answer.Status == 0 {
			dropOld(host[i+1:], a.at, done)
			return
		}
	}
}

// dropOld gives up what a host that does not answer was to be told of a day
// ago: its turn may never come.
func dropOld(waiting []attempt, now time.Time, done chan<- attempt) {
	for _, a := range waiting {
		if now.Sub(a.firing.FiredAt) > webhook.GiveUpAfter {
			a.answer.Err, a.over = errSilent, true
			done <- a
		}
	}
}

// event is the body of a message.
type event struct {
	Type string           `json:"type"`
	At   time.Time        `json:"timestamp"`
	Data *tollbook.Firing `json:"data"`
}

// send makes one attempt to tell an alert's receiver of a firing.
func (b *Book) send(ctx context.Context, a *tollbook.Alert, kind string, f *tollbook.Firing, at time.Time) webhook.Answer {
	secrets, err := b.opt.Webhooks.secrets(a, at)
	if err != nil {
		return webhook.Answer{Err: err}
	}
	told := *f
	told.ClearedAt = nil // a message is the same in every attempt
	body, err := json.Marshal(event{kind, f.FiredAt, &told})
	if err != nil {
		return webhook.Answer{Err: err}
	}
	return b.opt.Webhooks.Send(ctx, webhook.Message{URL: a.URL, ID: f.ID, At: at, Secrets: secrets, Body: body})
}

// record appends what came of attempts.
func (b *Book) record(ctx context.Context, attempts []attempt) error {
	random := make([]byte, 4*len(attempts))
	if _, err := io.ReadFull(b.opt.Rand, random); err != nil {
		return err
	}
	var givenUp []tollbook.Delivery
	err := b.defineAll(ctx, actorServer, func(s *state) (defs []definition, err error) {
		givenUp = nil
		for i := range attempts {
			f := s.pending[attempts[i].firing.ID]
			if f == nil {
				continue // another server has told the receiver
			}
			d := attempts[i].outcome(f.delivery.value, binary.LittleEndian.Uint32(random[4*i:]))
			if d.State == tollbook.DeliveryGivenUp {
				givenUp = append(givenUp, d)
			}
			defs = append(defs, definition{tollbook.KindDelivery, d.ID, d})
		}
		return defs, nil
	})
	if err != nil {
		return err
	}
	for _, d := range givenUp {
		b.opt.Logger.Warn("a delivery was given up", "delivery", d.ID, "attempts", d.Attempts, "error", *d.Error)
	}
	return nil
}

// outcome returns what a delivery is after an attempt.
func (a *attempt) outcome(d tollbook.Delivery, random uint32) tollbook.Delivery {
	d.NextAttemptAt, d.Status, d.Error = nil, nil, nil
	if !a.answer.Received() {
		why := printable(a.answer.Err.Error())
		d.Error = &why
	}
	if a.over {
		d.State = tollbook.DeliveryGivenUp
		return d
	}
	if a.answer.Status != 0 {
		d.Status = &a.answer.Status
	}
	if d.FirstAttemptAt == nil {
		d.FirstAttemptAt = &a.at
	}
	d.LastAttemptAt = &a.at
	d.Attempts++
	if a.answer.Received() {
		d.State = tollbook.DeliveryDelivered
	} else if next, ok := webhook.Next(*d.FirstAttemptAt, a.at, d.Attempts, random); ok {
		d.NextAttemptAt = &next
	} else {
		d.State = tollbook.DeliveryGivenUp
	}
	return d
}

// printable cuts an error short, part of which may be the receiver's words.
func printable(s string) string {
	if len(s) > maxErrorBytes {
		s = s[:maxErrorBytes] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
