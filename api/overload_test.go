package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tollbook"
	"tollbook/api"
	"tollbook/localstore"
)

// heldDisk lets no sync of the log end while its lock is held.
type heldDisk struct {
	sync.Mutex
	waiting chan struct{} // receives when a sync has come to wait
}

func (d *heldDisk) String() string { return "held disk" }

func (d *heldDisk) MaybeError(op errorfs.Op) error {
	if op.Kind != errorfs.OpFileSyncData {
		return nil
	}
	if !d.TryLock() {
		d.waiting <- struct{}{}
		d.Lock()
	}
	d.Unlock()
	return nil
}

// patient is a ledger in which definitions are made however long that takes.
type patient struct{ tollbook.Ledger }

func (p patient) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	for {
		pos, err := p.Ledger.Define(ctx, head, defs)
		if tollbook.CodeOf(err) != tollbook.CodeTooManyRequests {
			return pos, err
		}
	}
}

// wantBusy wants a refusal that says when to come again.
func (w *world) wantBusy(a answer) {
	w.Helper()
	if a.Status != 429 || a.code() != "too_many_requests" || a.Header.Get("Retry-After") != "2" || !strings.Contains(a.Text, "nothing of this") {
		w.Errorf("%d %v %s", a.Status, a.Header, a.Text)
	}
}

// sendEvents posts events once.
func (w *world) sendEvents(token, events string) answer {
	return w.do("POST", "/v1/events", token, "application/json", []byte(events))
}

// sendPatiently posts events until they are taken.
func (w *world) sendPatiently(token, events string) answer {
	for {
		if a := w.sendEvents(token, events); a.Status != 429 {
			return a
		}
	}
}

// TestStuckDisk: while the disk takes nothing, requests are refused after a
// bounded time with a word when to come again, nothing of them is taken, and
// readers are served.
func TestStuckDisk(t *testing.T) {
	disk := &heldDisk{waiting: make(chan struct{}, 1)}
	ledger, err := localstore.Open("data", localstore.Options{FS: errorfs.Wrap(vfs.NewMem(), disk), Create: true, QueueRequests: 4, QueueWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	w := newWorldOn(t, patient{ledger})
	token := w.organization("acme", sipCard, "acme-1")
	events := func(batch int) string {
		var all []string
		for i := range 5 {
			all = append(all, event("id", fmt.Sprintf(`"%d-%d"`, batch, i), "price", "1", "currency", `"USD"`))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	const refused = 20
	disk.Lock()
	first := make(chan answer)
	go func() { first <- w.sendPatiently(token, events(0)) }()
	<-disk.waiting
	answers := make(chan answer)
	for batch := 1; batch <= refused; batch++ {
		go func() { answers <- w.sendEvents(token, events(batch)) }()
	}
	for range refused {
		w.wantBusy(<-answers)
	}
	for _, path := range []string{"/express/usage/month", "/express/accounts", "/express/products"} {
		w.want(w.get(path, token), 200)
	}
	w.want(w.get("/v1/organizations/acme", w.operator), 200)
	if total := w.get("/express/usage/month", token).JSON["total"]; fmt.Sprint(total) != "0" {
		t.Errorf("%v records before anything is on disk", total)
	}
	disk.Unlock()
	w.tally(<-first, 5, 0, 0, 0, 0)
	for batch := 1; batch <= refused; batch++ {
		w.tally(w.sendPatiently(token, events(batch)), 5, 0, 0, 0, 0)
	}
	w.tally(w.sendPatiently(token, events(0)), 0, 5, 0, 0, 0)
	rows := w.get("/express/usage/month", token).embedded("usage")
	if len(rows) != 1 || spaced(rows[0]["number_of_units"]) != spaced(5*(refused+1)) {
		t.Errorf("the records: %v", rows)
	}
}

// slowBody begins a request with a body of the largest size and returns the
// connection once the server waits for the body, or with what it answers.
func (w *world) slowBody(token string) (net.Conn, string) {
	w.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	w.must(err)
	w.Cleanup(func() {
		_ = conn.Close() // most are closed already
	})
	_, err = fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", token, 16<<20)
	w.must(err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	w.must(err)
	return conn, line
}

// TestSlowBodies: organizations that together fill the room for bodies, which
// never come, are refused more, and so is everybody else then; readers are
// served, and all goes on when the bodies break off.
func TestSlowBodies(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.IntakeWait = time.Millisecond })
	var conns []net.Conn
	for i, most := range []int{4, 2, 1, 1} {
		id := fmt.Sprintf("slow-%d", i)
		token := w.organization(id, "", id+"-account")
		for range most {
			conn, line := w.slowBody(token)
			if !strings.Contains(line, "100 Continue") {
				t.Fatalf("%s: %s", id, line)
			}
			conns = append(conns, conn)
		}
		if _, line := w.slowBody(token); !strings.Contains(line, "429") {
			t.Errorf("%s beyond its share: %s", id, line)
		}
	}
	token := w.organization("acme", sipCard, "acme-1")
	priced := event("price", "1", "currency", `"USD"`)
	w.wantBusy(w.sendEvents(token, priced))
	w.want(w.get("/express/usage/month", token), 200)
	w.want(w.get("/readyz", ""), 200)
	if text := w.get("/metrics", "").Text; !strings.Contains(text, "\ntollbook_intake_bytes 1.34479872e+08\n") {
		t.Error("the metrics do not tell what is under way")
	}
	for _, conn := range conns {
		if _, err := io.WriteString(conn, "["); err != nil {
			t.Error(err)
		}
		w.must(conn.Close())
	}
	w.tally(w.sendPatiently(token, priced), 1, 0, 0, 0, 0)
}

// busy is a ledger that is too busy to book for some times.
type busy struct {
	tollbook.Ledger
	left atomic.Int64
}

func (b *busy) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if b.left.Add(-1) >= 0 {
		return nil, tollbook.NewError(tollbook.CodeTooManyRequests, "Busy.")
	}
	return b.Ledger.Book(ctx, under, bookings)
}

// TestTakeUpOutlastsSenders: unrated events are taken up although the ledger
// has no time for it at first.
func TestTakeUpOutlastsSenders(t *testing.T) {
	ledger := &busy{Ledger: newLedger(t)}
	ledger.left.Store(3)
	w := newWorldOn(t, ledger)
	token := w.organization("acme", "resource,price_per_increment,increment,currency\nMESSAGE,1,1,USD\n", "acme-1")
	w.tally(w.post(token, event()), 0, 0, 0, 0, 1)
	w.want(w.do("PUT", "/v1/rate-cards/acme-card", w.operator, "text/csv", []byte("price_per_increment,increment,currency\n1,1,USD\n")), 200)
	_, err := w.book.TakeUp(context.Background())
	w.must(err)
	if total := w.get("/v1/unrated", w.operator).JSON["total"]; fmt.Sprint(total) != "0" || ledger.left.Load() >= 0 {
		t.Errorf("%v events left unrated", total)
	}
}
