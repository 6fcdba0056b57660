package book_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/localstore"
	"tollbook/webhook"
)

// totalledLedger is a ledger whose totals are given.
type totalledLedger struct {
	tollbook.Ledger
	totals []tollbook.Total
}

func (l *totalledLedger) Totals(context.Context, string) ([]tollbook.Total, error) {
	return slices.Clone(l.totals), nil
}

// BenchmarkWatch tells what a look at the alerts costs beyond the totals: as
// many as an organization may have, on 10,000 accounts with a wallet of 12
// months each, none of which fires.
func BenchmarkWatch(b *testing.B) {
	const accounts, months = 10_000, 12
	store, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	ledger := &totalledLedger{Ledger: store}
	now := time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)
	bk, err := book.Open(b.Context(), ledger, book.Options{
		Clock: func() time.Time { return now }, Rand: rand.Reader, Logger: slog.New(slog.DiscardHandler),
		Webhooks: webhooks(b, webhook.Policy{}, 0),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(bk.Close)
	op, err := bk.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := op.PutOrganization(b.Context(), tollbook.Organization{ID: "acme", Name: "Acme"}); err != nil {
		b.Fatal(err)
	}
	for i := range accounts {
		id := fmt.Sprintf("a%05d", i)
		if _, _, err := op.PutAccount(b.Context(), tollbook.Account{ID: id, OrganizationID: "acme", Name: "One"}); err != nil {
			b.Fatal(err)
		}
		for m := range months {
			ledger.totals = append(ledger.totals, tollbook.Total{AccountID: id, Month: tollbook.MonthOf(now) - tollbook.Month(m), WalletName: "main", Currency: "USD", PutIn: decimal.FromInt(100), Used: decimal.FromInt(50)})
		}
	}
	slices.SortFunc(ledger.totals, func(x, y tollbook.Total) int { return int(x.Month - y.Month) })
	for i := range book.MaxAlerts {
		threshold := decimal.FromInt(1_000_000_000)
		spec := book.AlertSpec{OrganizationID: "acme", Kind: tollbook.AlertKinds()[i%3], Currency: "USD", Threshold: &threshold, URL: "https://receiver.example.com/", EachAccount: i%2 == 0}
		if spec.Kind == tollbook.AlertWalletBalance {
			main, least := "main", decimal.FromInt(1)
			spec.WalletName, spec.Threshold = &main, &least
		}
		if _, _, err := op.PutAlert(b.Context(), fmt.Sprint(i), spec); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := bk.Work(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if bk.PendingDeliveries() > 0 {
		b.Fatal("an alert fired")
	}
}
