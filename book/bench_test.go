package book_test

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/book"
	"tollbook/load"
	"tollbook/localstore"
	"tollbook/wire"
)

// takingLedger is a ledger that accepts every event at once and keeps none: a
// benchmark on it tells what an event costs before it reaches a store.
type takingLedger struct{ tollbook.Ledger }

func (takingLedger) Post(_ context.Context, _ tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	outcomes := make([]tollbook.Outcome, len(entries))
	for i := range outcomes {
		outcomes[i] = tollbook.Accepted
	}
	return outcomes, nil
}

// millionSender is the sender of load.Million's organization on a ledger that
// keeps nothing.
func millionSender(b *testing.B, w *load.Workload) *book.Sender {
	b.Helper()
	ledger, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ledger.Close() })
	sender, _, _ := workloadBook(b, w, takingLedger{ledger})
	return sender
}

// workloadBook is a book on a ledger with the card and the accounts of a
// workload, which are acme's, a sender of it and an operator.
func workloadBook(b *testing.B, w *load.Workload, ledger tollbook.Ledger) (*book.Sender, *book.Book, *book.Operator) {
	b.Helper()
	bk := open(b, ledger)
	ctx := b.Context()
	op, err := bk.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := op.PutRateCard(ctx, "std", w.Card()); err != nil {
		b.Fatal(err)
	}
	cardID, acme := "std", "acme"
	if _, err := op.PutOrganization(ctx, tollbook.Organization{ID: acme, Name: "Acme", RateCardID: &cardID}); err != nil {
		b.Fatal(err)
	}
	for i := range w.Accounts {
		if _, _, err := op.PutAccount(ctx, tollbook.Account{ID: w.AccountID(i), OrganizationID: acme, Name: "One"}); err != nil {
			b.Fatal(err)
		}
	}
	sender, err := bk.Sender(book.Grant{Client: tollbook.Client{ID: "c", OrganizationID: &acme}, Scopes: []string{tollbook.ScopeEventsWrite}})
	if err != nil {
		b.Fatal(err)
	}
	return sender, bk, op
}

// BenchmarkEvent tells what an event of load.Million costs from the bytes of
// its request until it is ready to be stored: read alone, and read, rated,
// brought into its normal form and named. The events go at random over the
// whole card and all accounts, as those of a real day do.
func BenchmarkEvent(b *testing.B) {
	const bodies = 24
	month := tollbook.NewMonth(2026, time.August)
	w := load.Million(1, month)
	var texts [bodies]string
	for i := range texts {
		first := uint64(i * tollbook.MaxBatch)
		texts[i] = string(w.AppendArray(nil, first, first+tollbook.MaxBatch))
	}
	sender := millionSender(b, w)
	events := make([]*tollbook.Event, tollbook.MaxBatch)
	read := func(b *testing.B, i int) []wire.Item {
		items, err := wire.Decode(wire.JSON, texts[i%bodies], wire.Options{Now: (month + 1).Start(time.UTC)})
		if err != nil {
			b.Fatal(err)
		}
		for i := range items {
			if items[i].Err != nil {
				b.Fatal(items[i].Err)
			}
			events[i] = &items[i].Event
		}
		return items
	}
	post := func(b *testing.B) {
		results, err := sender.Post(b.Context(), events)
		if err != nil {
			b.Fatal(err)
		}
		for i := range results {
			if results[i].Status != book.StatusAccepted {
				b.Fatal(results[i])
			}
		}
	}
	run := func(name string, batch func(b *testing.B, i int)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				batch(b, i)
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tollbook.MaxBatch, "ns/event")
		})
	}
	run("read", func(b *testing.B, i int) { wire.Release(read(b, i)) })
	run("read+post", func(b *testing.B, i int) {
		items := read(b, i)
		post(b)
		wire.Release(items)
	})
}
