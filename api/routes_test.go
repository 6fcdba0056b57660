package api_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tollbook/api"
)

// TestMain fails a whole run of the suite in which an operation of
// openapi.yaml was never exercised.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == ""
	if missing := checker().Unvisited(); code == 0 && whole && len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "operations of openapi.yaml that no test exercised:\n%s\n", strings.Join(missing, "\n"))
		code = 1
	}
	os.Exit(code)
}

// TestRoutes: what the server serves and what openapi.yaml describes are the
// same.
func TestRoutes(t *testing.T) {
	served, described := api.Routes(), checker().Routes()
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(described, served); diff != "" {
		t.Errorf("openapi.yaml (-) and the server (+) differ:\n%s", diff)
	}
}

func TestOperations(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml", "/oauth/jwks", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/metrics"} {
		w.want(w.get(path, ""), 200)
	}
	if a := w.want(w.get("/docs", ""), 301); a.Header.Get("Location") != "/docs/" {
		t.Errorf("/docs leads to %q", a.Header.Get("Location"))
	}
	w.http.Transport = nil // the pages of Swagger UI are not in openapi.yaml
	page := w.want(w.get("/docs/", ""), 200)
	if !strings.Contains(page.Text, "/openapi.yaml") {
		t.Errorf("/docs/ does not name openapi.yaml: %s", page.Text)
	}
	for _, name := range []string{"tollbook_events_total", "tollbook_http_requests_total", "tollbook_page_seconds"} {
		token := w.organization("acme-"+strings.ReplaceAll(name, "_", "-"), "", "a-"+name)
		w.get("/express/usage/month", token)
		if a := w.get("/metrics", ""); !strings.Contains(a.Text, name) {
			t.Errorf("no %s in /metrics", name)
		}
	}
}
