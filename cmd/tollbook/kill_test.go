package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/checktest"
	"tollbook/client"
	"tollbook/storetest"
)

// TestKillDuringImport imports random traffic, with repeats, conflicts and
// invalid events, from several processes at once, and kills the server and the
// importers without warning in between. When the imports have at last run to
// their ends, every record is what a model made of the same events says.
func TestKillDuringImport(t *testing.T) {
	checktest.Leave(t)
	t.Parallel()
	events, kills := 40_000, 5
	if testing.Short() {
		events, kills = 10_000, 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	traffic := storetest.NewTraffic(seed, storetest.TrafficSize{Events: events, Lanes: 3, MaxBatch: 400})

	w := &killWorld{t: t, data: filepath.Join(t.TempDir(), "book"), program: filepath.Join(t.TempDir(), "tollbook"), gate: newGate(t)}
	w.link()
	w.init()
	w.serve()
	files := w.prepare(traffic)
	for k := range kills {
		// Each time somewhat further, for what was sent already is sent again.
		w.gate.arm(1 + random.IntN(events/batchOfImport*(k+1)/(2*kills)))
		imports := w.startImports(files)
		<-w.gate.reached
		w.kill(imports)
		w.serve()
	}
	w.gate.arm(math.MaxInt) // never
	for _, i := range w.startImports(files) {
		if err := i.Wait(); i.ProcessState.ExitCode() != exitFailed { // for some events are rejected
			t.Fatalf("an import ended with %v: %s", err, i.Stderr)
		}
	}
	for _, o := range traffic.Organizations {
		if diff := traffic.Diff(o.ID, w.records(o.ID)); diff != "" {
			t.Errorf("seed %d: %s: records differ from the model (+ is the server's):\n%.4000s", seed, o.ID, diff)
		}
	}
	if err := w.server.stop(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
	if out, err := exec.Command(w.program, "verify", "--data", w.data).CombinedOutput(); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}
}

// killWorld is a server of the real program and what it takes to talk to it.
type killWorld struct {
	t        *testing.T
	program  string
	data     string
	env      []string // besides the test's own
	server   *server
	gate     *gate
	operator client.Credentials
}

// batchOfImport is how many events are in a request of an import.
const batchOfImport = 300

// gate stands between the importers and the server, whichever it is by now,
// and tells when a number of requests with events has reached it.
type gate struct {
	*httptest.Server
	target  atomic.Pointer[url.URL]
	left    atomic.Int64
	reached chan struct{} // receives once each time it is armed
}

func newGate(t *testing.T) *gate {
	g := &gate{reached: make(chan struct{}, 1)}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(g.target.Load()) },
		ErrorLog: log.New(io.Discard, "", 0), // servers are killed on purpose
		// A server that is gone gives no answer.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/events" && g.left.Add(-1) == 0 {
			g.reached <- struct{}{}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// arm makes the gate tell of the n-th request from now.
func (g *gate) arm(n int) { g.left.Store(int64(n)) }

// link makes the test binary the tollbook command: it is told by its name.
func (w *killWorld) link() {
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, w.program)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *killWorld) init() {
	cmd := exec.Command(w.program, "init", "--data", w.data, "--output", "json")
	cmd.Env = append(os.Environ(), w.env...)
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &w.operator)
	}
	if err != nil {
		w.t.Fatalf("init: %v: %s", err, out)
	}
}

func (w *killWorld) serve(flags ...string) {
	s, err := startServer(w.program, w.data, append(os.Environ(), w.env...), flags...)
	if err != nil {
		w.t.Fatal(err)
	}
	target, err := url.Parse(s.url)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = s
	w.gate.target.Store(target)
	w.t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended already, unless the test failed
	})
}

func (w *killWorld) client(id, secret string) *client.Client {
	c, err := client.New(client.Config{BaseURL: w.server.url, ClientID: id, ClientSecret: secret})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// prepare makes the traffic's definitions and a file for each of its lanes.
func (w *killWorld) prepare(traffic *storetest.Traffic) (files []string) {
	ctx, c := context.Background(), w.client(w.operator.ClientID, w.operator.ClientSecret)
	_, err := c.PutRateCard(ctx, traffic.CardID, []byte(traffic.CardCSV))
	for _, o := range traffic.Organizations {
		if err == nil {
			err = c.PutOrganization(ctx, o.ID, client.OrganizationSpec{Name: o.Name, ResellerID: o.ResellerID, Entitled: o.Entitled, RateCardID: o.RateCardID})
		}
	}
	for _, a := range traffic.Accounts {
		if err == nil {
			err = c.PutAccount(ctx, a.ID, client.AccountSpec{OrganizationID: a.OrganizationID, Name: a.Name, CompanyName: a.CompanyName, Status: a.Status, TimeZone: a.TimeZone, RateCardID: a.RateCardID})
		}
	}
	dir := w.t.TempDir()
	for i, lane := range traffic.Lanes {
		var arrays [][]byte
		for _, b := range lane {
			arrays = append(arrays, b.Body[1:len(b.Body)-1])
		}
		file := filepath.Join(dir, fmt.Sprintf("lane-%d.json", i))
		if err == nil {
			err = os.WriteFile(file, []byte("["+string(bytes.Join(arrays, []byte(",\n")))+"]"), 0o600)
		}
		files = append(files, file)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// startImports runs an import of each file, all at once. In a file the first
// event of a name must count, so its requests follow one another.
func (w *killWorld) startImports(files []string) (all []*exec.Cmd) {
	for _, file := range files {
		cmd := exec.Command(w.program, "import", "events", file, "--in-flight", "1", "--batch", strconv.Itoa(batchOfImport))
		cmd.Env = append(os.Environ(), "TOLLBOOK_URL="+w.gate.URL, "TOLLBOOK_CLIENT_ID="+w.operator.ClientID, "TOLLBOOK_CLIENT_SECRET="+w.operator.ClientSecret)
		cmd.Stderr = &lockedBuffer{}
		if err := cmd.Start(); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() {
			_ = cmd.Process.Kill() // as above
		})
		all = append(all, cmd)
	}
	return all
}

// kill ends the server, then the importers, with SIGKILL.
func (w *killWorld) kill(imports []*exec.Cmd) {
	var wait sync.WaitGroup
	for _, cmd := range append([]*exec.Cmd{w.server.cmd}, imports...) {
		if err := cmd.Process.Kill(); err != nil {
			w.t.Logf("it had ended by itself: %v", err)
		}
		wait.Go(func() {
			_ = cmd.Wait() // killed
		})
	}
	wait.Wait()
}

// records returns all records of an organization as its own client sees them
// once all that was sent before is in them.
func (w *killWorld) records(organization string) (all []map[string]any) {
	ctx := context.Background()
	operator := w.client(w.operator.ClientID, w.operator.ClientSecret)
	cred, err := operator.CreateClient(ctx, client.ClientSpec{OrganizationID: &organization, Name: "test", Scopes: []string{tollbook.ScopeUsageRead}})
	if err != nil {
		w.t.Fatal(err)
	}
	reader := w.client(cred.ClientID, cred.ClientSecret)
	for sent := time.Now(); ; {
		all, asOf := w.recordsAsOf(reader)
		if !asOf.Before(sent) {
			return all
		}
	}
}

func (w *killWorld) recordsAsOf(reader *client.Client) (all []map[string]any, asOf time.Time) {
	for raw, err := range reader.Pages(context.Background(), "/express/usage/month?per_page=250") {
		if err != nil {
			w.t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var page struct {
			AsOf     time.Time `json:"as_of"`
			Embedded struct {
				Usage []map[string]any `json:"usage"`
			} `json:"_embedded"`
		}
		if err := dec.Decode(&page); err != nil {
			w.t.Fatal(err)
		}
		if asOf.IsZero() || page.AsOf.Before(asOf) {
			asOf = page.AsOf
		}
		all = append(all, page.Embedded.Usage...)
	}
	return all, asOf
}
