package book_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/localstore"
)

// TestCanonicalLine is the example of docs/months.md.
func TestCanonicalLine(t *testing.T) {
	r := tollbook.Record{AccountID: "5ea75fe7aa224700012eae40", Month: month("2023-08"), NumberOfUnits: decimal.FromInt(5), TotalAmount: decimal.FromInt(5)}
	r.Grouping = tollbook.Grouping{ProductID: "TD-LIC-APP-RC-101910", AggrProductID: "TD-USG-TEL-UG-102213", Type: tollbook.Number, Description: "SIP\tNumber", Currency: "USD",
		Direction: tollbook.Inbound, Unit: tollbook.Minutes, Price: decimal.FromInt(1), WalletName: "contact center"}
	r.ID = tollbook.RecordIDOf(r.AccountID, r.Month, &r.Grouping)
	want := r.ID.String() + "\t5ea75fe7aa224700012eae40\tTD-LIC-APP-RC-101910\tTD-USG-TEL-UG-102213\t2023-08\tNUMBER\tSIP\\tNumber\tUSD\tINBOUND\t\tMINUTES\t1\tcontact center\t5\t5\n"
	if got := string(book.AppendCanonical(nil, &r)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// FuzzCanonicalLine: two records that differ have different lines, since what
// is in a line can be read back.
func FuzzCanonicalLine(f *testing.F) {
	f.Add("product", "aggr", "description", "wallet", int64(5))
	f.Add("", "\t", "\\", "\\t\n\r", int64(-7))
	unescape := strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r")
	f.Fuzz(func(t *testing.T, product, aggr, description, wallet string, amount int64) {
		r := tollbook.Record{AccountID: "a", Month: month("2023-08"), TotalAmount: decimal.FromInt(amount)}
		r.Grouping = tollbook.Grouping{ProductID: product, AggrProductID: aggr, Type: tollbook.Call, Description: description, Currency: "USD", Unit: tollbook.Minutes, WalletName: wallet}
		line := string(book.AppendCanonical(nil, &r))
		body, ended := strings.CutSuffix(line, "\n")
		cells := strings.Split(body, "\t")
		if !ended || len(cells) != 15 || strings.ContainsAny(body, "\n\r") {
			t.Fatalf("%q is no line of 15 cells", line)
		}
		for i, c := range cells {
			cells[i] = unescape.Replace(c)
		}
		want := []string{r.ID.String(), "a", product, aggr, "2023-08", "CALL", description, "USD", "", "", "MINUTES", "0", wallet, "0", fmt.Sprint(amount)}
		if !slices.Equal(cells, want) {
			t.Errorf("%q reads as %q, want %q", line, cells, want)
		}
	})
}

// BenchmarkClose closes a month with a million records: each iteration takes
// as long as a client waits for its statement.
func BenchmarkClose(b *testing.B) {
	const accounts, perAccount = 100, 10_000
	ledger, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer ledger.Close()
	ctx := context.Background()
	now := newWatch("2026-08-15T00:00:00Z")
	bk := openAt(b, ledger, now.time)
	op, err := bk.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	if err != nil {
		b.Fatal(err)
	}
	sender, err := bk.Sender(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := op.PutOrganization(ctx, tollbook.Organization{ID: "acme", Name: "Acme"}); err != nil {
		b.Fatal(err)
	}
	events := make([]*tollbook.Event, perAccount)
	closing := month("2026-08")
	fill := func(m tollbook.Month) {
		for a := range accounts {
			id := fmt.Sprintf("a%d", a)
			if _, _, err := op.PutAccount(ctx, tollbook.Account{ID: id, OrganizationID: "acme", Name: "One"}); err != nil {
				b.Fatal(err)
			}
			for i := range events {
				events[i] = &tollbook.Event{ID: fmt.Sprint(m, i), Source: id, AccountID: id, OccurredAt: m.Start(time.UTC), Type: tollbook.Call, Quantity: decimal.FromInt(7), Unit: tollbook.Seconds,
					Priced: true, Price: decimal.FromInt(3), Currency: "USD", Description: fmt.Sprint("Calls of campaign ", i)}
			}
			if _, err := sender.Post(ctx, events); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		b.StopTimer()
		fill(closing)
		now.set((closing + 1).Start(time.UTC).Format(time.RFC3339))
		b.StartTimer()
		m, err := op.CloseMonth(ctx, "acme", closing)
		if err != nil || m.Statement.Records != accounts*perAccount {
			b.Fatal(m.Statement, err)
		}
		closing++
	}
}
