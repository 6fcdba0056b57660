//go:build !race

package interop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// prism is a running Prism and the lines that it wrote.
type prism struct {
	url string

	mu     sync.Mutex
	more   *sync.Cond // there are more lines, or none will come
	lines  []string
	ended  bool
	probes int
}

// How long Prism may take on a busy machine.
const (
	prismStart = 2 * time.Minute
	prismWord  = 30 * time.Second
)

// startPrism starts Prism before a server; it ends with the test.
func startPrism(t *testing.T, upstream string) *prism {
	t.Helper()
	cmd := exec.Command("node", filepath.Join("node_modules", "@stoplight", "prism-cli", "dist", "index.js"),
		"proxy", "../api/openapi.yaml", upstream, "--errors", "--host", "127.0.0.1", "--port", "0")
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "FORCE_COLOR=0")
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = cmd.Stdout
	must(t, cmd.Start())
	p := &prism{}
	p.more = sync.NewCond(&p.mu)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.read(out)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		cmd.Wait() // it was killed
	})
	if line, ok := p.wait(prismStart, listeningAt.MatchString); ok {
		p.url = listeningAt.FindStringSubmatch(line)[1]
		return p
	}
	t.Fatalf("prism ended or did not begin to listen within %v:\n%s", prismStart, strings.Join(p.lines, "\n"))
	return nil
}

var listeningAt = regexp.MustCompile(`Prism is listening on (http://\S+)`)

func (p *prism) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
		p.more.Broadcast()
	}
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.more.Broadcast()
}

// wait returns the first line that is meant, once it is there.
func (p *prism) wait(atMost time.Duration, meant func(line string) bool) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock() // so that it comes before the wait or during it, not between
		defer p.mu.Unlock()
		p.more.Broadcast()
	})()
	p.mu.Lock()
	defer p.mu.Unlock()
	for next := 0; ; p.more.Wait() {
		for ; next < len(p.lines); next++ {
			if meant(p.lines[next]) {
				return p.lines[next], true
			}
		}
		if p.ended || ctx.Err() != nil {
			return "", false
		}
	}
}

// complaint is the level of a line, set apart from its text by two spaces or
// more. What Prism writes before it listens are made-up examples of addresses,
// which may have any words in them.
var complaint = regexp.MustCompile(`\s(warn|warning|error|fatal)\s{2,}`)

// complaints returns what Prism found wrong so far. Prism writes after it has
// answered, so it is asked for something that it must complain about: all that
// comes before that complaint is then there, and Prism is known not to be mute.
func (p *prism) complaints(t *testing.T) []string {
	t.Helper()
	p.probes++
	probe := fmt.Sprintf("/probe-%d", p.probes)
	res, err := http.Get(p.url + probe)
	must(t, err)
	res.Body.Close()
	_, ok := p.wait(prismWord, func(line string) bool { return strings.Contains(line, probe) && complaint.MatchString(line) })
	if !ok {
		t.Fatalf("prism has not complained about %s after %v", probe, prismWord)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []string
	for _, line := range p.lines[slices.IndexFunc(p.lines, listeningAt.MatchString):] {
		if complaint.MatchString(line) && !strings.Contains(line, "/probe-") {
			found = append(found, line)
		}
	}
	return found
}

// TestPrismNoticesFaults makes sure that a silent Prism means something: one
// answer that is not as openapi.yaml says does not pass it unnoticed.
func TestPrismNoticesFaults(t *testing.T) {
	needNode(t)
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"splendid"}`)
	}))
	defer bad.Close()
	p := startPrism(t, bad.URL)
	res, err := http.Get(p.url + "/healthz")
	must(t, err)
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		t.Errorf("prism passed on a status that openapi.yaml does not have")
	}
	if len(p.complaints(t)) == 0 {
		t.Errorf("prism's complaint is not recognized:\n%s", strings.Join(p.lines, "\n"))
	}
}
