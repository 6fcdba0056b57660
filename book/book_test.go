package book_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/localstore"
	"tollbook/storetest"
)

// fixture is a book with one organization, one account and an operator.
type fixture struct {
	*testing.T
	ctx      context.Context
	book     *book.Book
	operator *book.Operator
	sender   *book.Sender
	view     *book.View
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// newLedger is a local store in a file system in memory.
func newLedger(t *testing.T) tollbook.Ledger {
	t.Helper()
	ledger, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return ledger
}

func open(t testing.TB, ledger tollbook.Ledger) *book.Book {
	t.Helper()
	return openAt(t, ledger, func() time.Time { return time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC) })
}

func openAt(t testing.TB, ledger tollbook.Ledger, now func() time.Time) *book.Book {
	t.Helper()
	b, err := book.Open(context.Background(), ledger, book.Options{Clock: now, Rand: rand.Reader, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func newFixture(t *testing.T, ledger tollbook.Ledger) *fixture {
	t.Helper()
	return newFixtureOn(t, open(t, ledger))
}

func newFixtureOn(t *testing.T, b *book.Book) *fixture {
	t.Helper()
	f := &fixture{T: t, ctx: context.Background(), book: b}
	var err error
	f.operator, err = f.book.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	f.must(err)
	f.card(1)
	cardID := "std"
	_, err = f.operator.PutOrganization(f.ctx, tollbook.Organization{ID: "acme", Name: "Acme", RateCardID: &cardID})
	f.must(err)
	_, _, err = f.operator.PutAccount(f.ctx, tollbook.Account{ID: "a1", OrganizationID: "acme", Name: "One"})
	f.must(err)
	acme := "acme"
	g := book.Grant{Client: tollbook.Client{ID: "c", OrganizationID: &acme}, Scopes: []string{tollbook.ScopeEventsWrite, tollbook.ScopeUsageRead}}
	f.sender, err = f.book.Sender(g)
	f.must(err)
	f.view, err = f.book.View(g, tollbook.ScopeUsageRead)
	f.must(err)
	return f
}

// card makes the price of a call the number of the card's version.
func (f *fixture) card(version int) {
	f.Helper()
	card, _, err := f.operator.PutRateCard(f.ctx, "std", fmt.Sprintf("resource,price_per_increment,increment,currency\nCALL,%d,1,USD\n", version))
	f.must(err)
	if card.Version != version {
		f.Fatalf("version %d of the card, want %d", card.Version, version)
	}
}

func call(id string) *tollbook.Event {
	return &tollbook.Event{ID: id, Source: "s", AccountID: "a1", OccurredAt: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
		Type: tollbook.Call, Quantity: decimal.FromInt(1), Unit: tollbook.Seconds}
}

// TestFence changes the card under the hands of posters: an event that is
// posted after a change was acknowledged is priced by the changed card, and
// every event is counted once.
func TestFence(t *testing.T) {
	const posters, versions = 4, 40
	f := newFixture(t, newLedger(t))
	done := make(chan struct{})
	var wg sync.WaitGroup
	posted := make([]int, posters)
	for p := range posters {
		wg.Go(func() {
			for ; ; posted[p]++ {
				select {
				case <-done:
					return
				default:
				}
				if _, err := f.sender.Post(f.ctx, []*tollbook.Event{call(fmt.Sprintf("%d-%d", p, posted[p]))}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for v := 2; v <= versions; v++ {
		f.card(v)
		_, err := f.sender.Post(f.ctx, []*tollbook.Event{call(fmt.Sprintf("after-%d", v))})
		f.must(err)
	}
	close(done)
	wg.Wait()

	page, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 250})
	f.must(err)
	events, want := int64(0), int64(versions-1)
	for _, r := range page.Records {
		events += r.Events
		got, err := f.view.RecordEvents(f.ctx, r.ID.String(), "", tollbook.MaxPage)
		f.must(err)
		for _, e := range got.Events {
			if after, ok := strings.CutPrefix(e.ID, "after-"); ok && fmt.Sprint(e.Rate.Version) < after && len(after) == len(fmt.Sprint(e.Rate.Version)) {
				t.Errorf("the event posted after version %s was priced by version %d", after, e.Rate.Version)
			}
			if r.Price != decimal.FromInt(int64(e.Rate.Version)) {
				t.Errorf("an event of version %d is in a record of price %s", e.Rate.Version, r.Price)
			}
		}
	}
	for _, n := range posted {
		want += int64(n)
	}
	if events != want {
		t.Errorf("%d events are counted, %d were posted", events, want)
	}
}

// TestReopen: everything that was defined holds after the definitions are
// loaded again.
func TestReopen(t *testing.T) {
	ledger := newLedger(t)
	f := newFixture(t, ledger)
	_, _, err := f.operator.PutAccount(f.ctx, tollbook.Account{ID: "a1", OrganizationID: "acme", Name: "One", TimeZone: "Asia/Tokyo"})
	f.must(err)
	want, err := f.operator.Account("a1")
	f.must(err)

	again, err := open(t, ledger).Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	f.must(err)
	got, err := again.Account("a1")
	f.must(err)
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got.Zones) != 2 || got.Zones[1].From.String() != "2026-10" {
		t.Errorf("the account is %+v, was %+v", got, want)
	}
	history, _, err := again.History(tollbook.KindAccount, "a1", book.PageQuery{PerPage: 10})
	f.must(err)
	if len(history) != 2 || history[0].Actor != "op" {
		t.Errorf("history %+v", history)
	}
	if csv, err := again.RateCardCSV(f.ctx, "std", 0); err != nil || !strings.HasSuffix(csv, "CALL,1,1,USD\n") {
		t.Errorf("the card is %q, %v", csv, err)
	}
}

// failing is a ledger whose posts fail: a fault that a healthy one will not
// produce.
type failing struct{ *storetest.Model }

var errDisk = errors.New("the disk is gone")

func (failing) Post(context.Context, tollbook.Pos, []tollbook.Entry) ([]tollbook.Outcome, error) {
	return nil, errDisk
}

func TestPostPassesFailureOn(t *testing.T) {
	f := newFixture(t, failing{storetest.NewModel()})
	if results, err := f.sender.Post(f.ctx, []*tollbook.Event{call("1")}); !errors.Is(err, errDisk) || results != nil {
		t.Errorf("%v, %v", results, err)
	}
}

// foreign defines something between a book's look at the definitions and its
// own, as another server would.
type foreign struct {
	*storetest.Model
	mu    sync.Mutex
	times int
}

func (l *foreign) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times > 0 {
		l.times--
		other := defs[0]
		other.ID += "-other"
		other.Body = []byte(strings.ReplaceAll(string(other.Body), `"`+defs[0].ID+`"`, `"`+other.ID+`"`))
		other.RequestID[0]++
		if _, err := l.Model.Define(ctx, head, []tollbook.Definition{other}); err != nil {
			return 0, err
		}
	}
	return l.Model.Define(ctx, head, defs)
}

func (l *foreign) Definitions(ctx context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	return l.Model.Definitions(ctx, after)
}

func TestDefineDecidesAgainWhenMoved(t *testing.T) {
	ledger := &foreign{Model: storetest.NewModel()}
	f := newFixture(t, ledger)
	ledger.times = 3
	created, err := f.operator.PutProduct(f.ctx, tollbook.Product{ID: "P", Name: "Product"})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	for _, id := range []string{"P", "P-other"} {
		if _, err := f.operator.Product(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// leaving is a ledger whose caller goes away as soon as something is defined.
type leaving struct {
	tollbook.Ledger
	leave context.CancelFunc
}

func (l *leaving) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	pos, err := l.Ledger.Define(ctx, head, defs)
	if l.leave != nil {
		l.leave()
	}
	return pos, err
}

// TestRevocationHoldsThoughTheCallerLeaves: what has been defined is in force
// even if whoever asked for it does not wait for the answer.
func TestRevocationHoldsThoughTheCallerLeaves(t *testing.T) {
	ledger := &leaving{Ledger: newLedger(t)}
	f := newFixture(t, ledger)
	cred, err := f.operator.CreateClient(f.ctx, book.NewClient{Name: "c", Scopes: []string{tollbook.ScopeOperator}})
	f.must(err)
	ctx, leave := context.WithCancel(f.ctx)
	ledger.leave = leave
	f.must(f.operator.RevokeClient(ctx, cred.ClientID))
	if c, _ := f.book.Client(cred.ClientID); c.RevokedAt == nil {
		t.Error("the client is still in force")
	}
}

// slow is a ledger that stops in the middle of its definitions once it has
// been given a channel, until that is closed.
type slow struct {
	tollbook.Ledger
	reached chan struct{}
	resume  chan struct{}
}

func (l *slow) Definitions(ctx context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	return func(yield func(tollbook.Definition, error) bool) {
		for def, err := range l.Ledger.Definitions(ctx, after) {
			if !yield(def, err) {
				return
			}
			if l.resume != nil {
				close(l.reached)
				<-l.resume
			}
		}
	}
}

// TestReadersDoNotWaitForDefinitions: while a large card is on its way, usage
// is read as before.
func TestReadersDoNotWaitForDefinitions(t *testing.T) {
	ledger := &slow{Ledger: newLedger(t)}
	f := newFixture(t, ledger)
	ledger.reached, ledger.resume = make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, _, err := f.operator.PutRateCard(f.ctx, "std", "price_per_increment,increment,currency\n9,1,USD\n")
		done <- err
	}()
	<-ledger.reached
	read := make(chan error)
	go func() {
		_, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 1})
		read <- err
	}()
	select {
	case err := <-read:
		f.must(err)
	case <-time.After(10 * time.Second):
		t.Error("a reader waits for the card")
	}
	close(ledger.resume)
	f.must(<-done)
}
