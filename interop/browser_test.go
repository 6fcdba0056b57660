//go:build !race

package interop

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tollbook/checktest"
)

const (
	startTime = time.Minute      // for Chromium to start, on a busy machine
	stepTime  = 30 * time.Second // for one step on a page
)

// tab is a page in a real Chromium, and what the page did that it should not.
type tab struct {
	*testing.T
	ctx    context.Context
	origin string

	mu         sync.Mutex
	foreign    []string // addresses that were asked for and are not of origin
	complaints []string // warnings and errors on the console
}

// openTab starts a Chromium of its own and opens a page of origin in a window
// of 1280 by 900. What a failed test last saw is kept with its artifacts.
func openTab(t *testing.T, origin, path string) *tab {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(needChromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.NoSandbox, // it does not start for root, nor in most containers
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true),
		// Even a request that should not be made goes nowhere.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)
	// The context of t ends before its cleanups, which still take a picture.
	ctx, closeBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(closeBrowser)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	p := &tab{T: t, ctx: ctx, origin: origin}
	p.start()
	t.Cleanup(func() {
		if t.Failed() {
			p.picture("failed")
		}
	})
	must(t, chromedp.Listen(ctx, p.listen))
	p.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(origin+path))
	return p
}

// start starts the browser. It lives as long as the context that it was
// started with, so the time is kept here and not by that context.
func (p *tab) start() {
	p.Helper()
	started := make(chan error, 1)
	go func() { started <- chromedp.Do(p.ctx) }()
	select {
	case err := <-started:
		must(p.T, err)
	case <-time.After(startTime):
		p.Fatalf("Chromium did not start within %v", startTime)
	}
}

// listen notes what the page asks for and complains of, also on behalf of its
// scripts and styles.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != p.origin {
			p.foreign = append(p.foreign, e.Request.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			p.complaints = append(p.complaints, fmt.Sprintf("console.%s: %s", e.Type, arguments(e.Args)))
		}
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, exception(e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			p.complaints = append(p.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return d.Text
	}
	return d.Text + " " + d.Exception.Description
}

func arguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		words = append(words, string(a.Value)+a.Description)
	}
	return strings.Join(words, " ")
}

// checkQuiet fails the test if anything left the origin, or if the console
// says anything but what is allowed.
func (p *tab) checkQuiet(allowed ...string) {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, address := range p.foreign {
		p.Errorf("the page asked for %s, which is not of %s", address, p.origin)
	}
	for _, c := range p.complaints {
		if !slices.Contains(allowed, c) {
			p.Errorf("on the console: %s", c)
		}
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	must(p.T, chromedp.Do(ctx, steps...))
}

func (p *tab) click(selector string) {
	p.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p *tab) fill(selector, text string) {
	p.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// text waits until an element is there and returns what a reader sees of it.
func (p *tab) text(selector string) string {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		p.Fatalf("%s: %v", selector, err)
	}
	return text
}

// picture keeps what the window shows with the artifacts of the test.
func (p *tab) picture(name string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(p.ArtifactDir(), name+".png"), png, 0o644)
	}
	if err != nil {
		p.Errorf("picture %s: %v", name, err)
	}
}

// needChromium returns where Chromium is. Where it is not, the test is
// skipped and says so.
func needChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	checktest.Skip(t, "a page in a browser: chromium is not installed (on Debian or Ubuntu: apt-get install chromium)")
	return ""
}

// TestTabNotices makes sure that a quiet page means something: a request to
// another host and an error on the console do not pass unnoticed.
func TestTabNotices(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		elsewhere := strings.Replace("http://"+r.Host, "127.0.0.1", "localhost", 1)
		fmt.Fprintf(w, `<link rel="icon" href="data:,"><script src="%s/script.js"></script><script>console.error("broken"); nothing.at.all</script><p>done</p>`, elsewhere)
	}))
	t.Cleanup(site.Close)
	p := openTab(t, site.URL, "/")
	p.text("p")
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.foreign) != 1 || !strings.HasSuffix(p.foreign[0], "/script.js") {
		t.Errorf("foreign requests: %q; want that for script.js", p.foreign)
	}
	for _, want := range []string{`console.error: "broken"`, "ReferenceError: nothing is not defined"} {
		if !slices.ContainsFunc(p.complaints, func(c string) bool { return strings.Contains(c, want) }) {
			t.Errorf("complaints %q do not have %s", p.complaints, want)
		}
	}
}
