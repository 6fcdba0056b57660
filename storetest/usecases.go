package storetest

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/wire"
)

// UseCases runs every script of use cases, each with a book over a ledger of
// its own. They are written like those of Scripts. The commands are:
//
//	at INSTANT                     what time it is from then on
//	organization ID [card CARD]
//	account ID of ORG [in ZONE]
//	card ID                        the CSV of a rate card, or of its next version
//	post [FIELDS]                  events, a JSON object a line, with these fields in common
//	                               (JSON without its braces); prints what became of each
//	wallets ORG                    prints the wallets of an organization
//	months ORG                     the same month by month
//	receiver NAME answers STATUS   a web server, from then on
//	alert ID of ORG on KIND [of WALLET] in CURRENCY at THRESHOLD [for ACCOUNT | for each] tells NAME [disabled]
//	                               prints why it is refused
//	delete alert ID                its secrets are forgotten
//	rotate secret of ID            the receivers know the new one beside the old
//	work                           does what is due; prints the messages that came, and which are not signed with every
//	                               secret of their alerts
//	deliveries                     prints what has fired and what came of it, in order
//	restart                        closes the book and the ledger, and opens both again
func UseCases(t *testing.T, newDriver func(t testing.TB) Driver) {
	eachScript(t, "usecases", nil, func(t *testing.T, name, text string) string {
		r := newUseCase(t, newDriver(t))
		return runScript(t, name, text, func(at string, c *command) string {
			r.at = at
			return r.do(c)
		})
	})
}

// useCase is a script of use cases in progress.
type useCase struct {
	t        testing.TB
	at       string // the command that is run, for failures
	driver   Driver
	ledger   tollbook.Ledger
	now      time.Time
	random   io.Reader
	hooks    *receivers
	book     *book.Book
	operator *book.Operator
	sender   *book.Sender
}

func newUseCase(t testing.TB, driver Driver) *useCase {
	r := &useCase{t: t, driver: driver, now: instant("2026-08-01T00:00:00Z"), random: rand.NewChaCha8([32]byte{}), hooks: newReceivers(t)}
	r.open()
	t.Cleanup(r.close)
	return r
}

func (r *useCase) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", r.at, err)
	}
}

func (r *useCase) open() {
	r.ledger = r.driver.Open(r.t)
	var err error
	r.book, err = book.Open(r.t.Context(), r.ledger, book.Options{
		Clock: func() time.Time { return r.now }, Rand: r.random, Logger: slog.New(slog.DiscardHandler), Webhooks: r.hooks.webhooks,
	})
	r.must(err)
	g := book.Grant{Client: tollbook.Client{ID: "operator"}, Scopes: []string{tollbook.ScopeOperator}}
	r.operator, err = r.book.Operator(g)
	r.must(err)
	r.sender, err = r.book.Sender(g)
	r.must(err)
}

func (r *useCase) close() {
	r.book.Close()
	r.must(r.ledger.Close())
}

// do runs one command and returns what it prints.
func (r *useCase) do(c *command) string {
	r.t.Helper()
	verb, rest, _ := strings.Cut(c.head, " ")
	words := strings.Fields(rest)
	switch verb {
	case "at":
		r.now = instant(rest)
	case "organization":
		r.organization(words)
	case "account":
		r.account(words)
	case "card":
		_, _, err := r.operator.PutRateCard(r.t.Context(), rest, strings.Join(c.input, "\n")+"\n")
		r.must(err)
	case "post":
		return r.post(rest, c.input)
	case "wallets":
		return r.wallets(rest, false)
	case "months":
		return r.wallets(rest, true)
	case "receiver":
		r.hooks.answers(words[0], int(r.whole(words[2])))
	case "alert":
		return r.alert(words)
	case "delete":
		r.must(r.operator.DeleteAlert(r.t.Context(), words[1]))
		r.hooks.forget(words[1])
	case "rotate":
		secret, err := r.operator.RotateAlert(r.t.Context(), words[2])
		r.must(err)
		r.hooks.know(words[2], secret)
	case "work":
		r.must(r.book.Work(r.t.Context()))
		return r.hooks.take()
	case "deliveries":
		return r.deliveries()
	case "restart":
		r.close()
		r.open()
	default:
		r.t.Fatalf("%s: unknown command", r.at)
	}
	return ""
}

func (r *useCase) whole(s string) uint64 {
	r.t.Helper()
	n, ok := dec(s).Coef().Uint64()
	if !ok {
		r.t.Fatalf("%s: %q is no whole number", r.at, s)
	}
	return n
}

// pairs reads words that come in pairs: what, and which.
func (r *useCase) pairs(words []string, set map[string]func(string)) {
	r.t.Helper()
	for i := 0; i+1 < len(words); i += 2 {
		f := set[words[i]]
		if f == nil {
			r.t.Fatalf("%s: unknown word %q", r.at, words[i])
		}
		f(words[i+1])
	}
}

func (r *useCase) organization(words []string) {
	r.t.Helper()
	o := tollbook.Organization{ID: words[0], Name: words[0]}
	r.pairs(words[1:], map[string]func(string){"card": func(s string) { o.RateCardID = &s }})
	_, err := r.operator.PutOrganization(r.t.Context(), o)
	r.must(err)
}

func (r *useCase) account(words []string) {
	r.t.Helper()
	a := tollbook.Account{ID: words[0], Name: words[0]}
	r.pairs(words[1:], map[string]func(string){
		"of": func(s string) { a.OrganizationID = s },
		"in": func(s string) { a.TimeZone = s },
	})
	_, _, err := r.operator.PutAccount(r.t.Context(), a)
	r.must(err)
}

func (r *useCase) post(common string, lines []string) string {
	r.t.Helper()
	items, err := wire.Decode(wire.NDJSON, withCommon(common, lines), wire.Options{Now: r.now})
	r.must(err)
	events := make([]*tollbook.Event, len(items))
	for i := range items {
		if items[i].Err != nil {
			r.t.Fatalf("%s: %v", r.at, items[i].Err.Fields)
		}
		events[i] = &items[i].Event
	}
	results, err := r.sender.Post(r.t.Context(), events)
	r.must(err)
	var out strings.Builder
	for _, res := range results {
		fmt.Fprintln(&out, strings.TrimSpace(res.Status.String()+" "+res.Code))
	}
	return out.String()
}

func (r *useCase) wallets(organizationID string, byMonth bool) string {
	r.t.Helper()
	treasurer, err := r.book.Treasurer(book.Grant{Client: tollbook.Client{ID: "operator"}, Scopes: []string{tollbook.ScopeOperator}})
	r.must(err)
	page, err := treasurer.Wallets(r.t.Context(), book.WalletQuery{OrganizationID: organizationID, Limit: tollbook.MaxPage})
	r.must(err)
	rows := [][]string{{"account", "wallet", "currency", "put in", "used", "drawn", "charged", "balance", "a day", "exhausted"}}
	if byMonth {
		rows = [][]string{{"account", "wallet", "currency", "month", "carried over", "put in", "used", "drawn", "charged", "balance"}}
	}
	for _, w := range page.Wallets {
		name := []string{w.AccountID, orNothing(w.WalletName), w.Currency}
		if !byMonth {
			exhausted := ""
			if w.ExhaustedAt != nil {
				exhausted = w.ExhaustedAt.Format(time.RFC3339)
			}
			rows = append(rows, append(name, w.PutIn.String(), w.Used.String(), w.Drawn.String(), w.Charged.String(), w.Balance.String(), w.BurnRatePerDay.String(), exhausted))
			continue
		}
		for _, m := range w.Months {
			rows = append(rows, append(slices.Clone(name), m.Month.String(), m.CarriedOver.String(), m.PutIn.String(), m.Used.String(), m.Drawn.String(), m.Charged.String(), m.Balance.String()))
		}
	}
	return table(rows)
}

func orNothing(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// alert reads ID of ORG on KIND [of WALLET] in CURRENCY at THRESHOLD
// [for ACCOUNT | for each] tells NAME [disabled], and prints why it is refused.
func (r *useCase) alert(words []string) string {
	r.t.Helper()
	var spec book.AlertSpec
	if last := len(words) - 1; words[last] == "disabled" {
		spec.Disabled, words = true, words[:last]
	}
	r.pairs(words[1:], map[string]func(string){
		"of": func(s string) {
			if spec.OrganizationID == "" {
				spec.OrganizationID = s
				return
			}
			spec.WalletName = &s
		},
		"on": func(s string) { spec.Kind = s },
		"in": func(s string) { spec.Currency = s },
		"at": func(s string) { d := dec(s); spec.Threshold = &d },
		"for": func(s string) {
			if spec.EachAccount = s == "each"; !spec.EachAccount {
				spec.AccountID = &s
			}
		},
		"tells": func(s string) { spec.URL = r.hooks.url(s) },
	})
	_, secret, err := r.operator.PutAlert(r.t.Context(), words[0], spec)
	if tollbook.CodeOf(err) == tollbook.CodeInvalidContent {
		return err.Error() + "\n"
	}
	r.must(err)
	if secret != "" {
		r.hooks.know(words[0], secret)
	}
	return ""
}

func (r *useCase) deliveries() string {
	r.t.Helper()
	all, _, err := r.operator.Deliveries(book.PageQuery{PerPage: book.MaxPerPage, OrderBy: "id:asc"})
	r.must(err)
	slices.SortStableFunc(all, func(a, b book.DeliveryInfo) int { // those of one look in any order
		return cmp.Or(a.FiredAt.Compare(b.FiredAt), cmp.Compare(a.AlertID, b.AlertID), cmp.Compare(orNothing(a.AccountID), orNothing(b.AccountID)))
	})
	rows := [][]string{{"alert", "account", "month", "value", "fired", "cleared", "state", "attempts", "error"}}
	for _, d := range all {
		month, cleared := "", ""
		if d.Month != nil {
			month = d.Month.String()
		}
		if d.ClearedAt != nil {
			cleared = d.ClearedAt.Format(time.RFC3339)
		}
		rows = append(rows, []string{d.AlertID, orNothing(d.AccountID), month, d.Value.String(), d.FiredAt.Format(time.RFC3339), cleared, d.State,
			decimal.FromInt(int64(d.Attempts)).String(), orNothing(d.Error)})
	}
	return table(rows)
}
