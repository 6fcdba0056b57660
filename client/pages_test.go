package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
)

const example = `{"id": "8f3e643c16671acaf60e8bceddbc1877", "account_id": "5ea75fe7aa224700012eae40",
	"product_id": "TD-LIC-APP-RC-101910", "aggr_product_id": "TD-USG-TEL-UG-102213", "month": "2023-08", "type": "NUMBER",
	"description": "SIP Number", "currency": "USD", "direction": "INBOUND", "resolution": null, "unit": "MINUTES",
	"price": 1, "wallet_name": "contact center", "number_of_units": 5, "total_amount": 12345678901234567890.123456789012,
	"_links": {"self": {"href": "https://x/1"}}}`

// pagesOf answers page n of three with one record each, linked by next.
func pagesOf(next func(r *http.Request, n string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := r.URL.Query().Get("cursor")
		following := map[string]string{"": "2", "2": "3", "3": ""}[n]
		links := `{}`
		if following != "" {
			href, _ := json.Marshal(next(r, following))
			links = `{"next": {"href": ` + string(href) + `}}`
		}
		fmt.Fprintf(w, `{"count": 1, "page": 1, "per_page": 1, "total": 3, "total_pages": 3, "as_of": "2026-08-01T00:00:00Z", "_links": %s, "_embedded": {"usage": [%s]}}`, links, example)
	}
}

func TestUsageFollowsNextToTheEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, pagesOf(func(r *http.Request, n string) string {
		return "http://" + r.Host + "/express/usage/month?cursor=" + n
	}))
	c, _ := connect(t, s)
	q := client.UsageQuery{Filter: "month eq '2023-08'", OrderBy: "id:asc", PerPage: 1}
	var got []client.Record
	for r, err := range c.Usage(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if len(got) != 3 {
		t.Fatalf("%d records, want 3", len(got))
	}
	text := func(s string) *string { return &s }
	number := func(s string) decimal.Decimal {
		d, err := decimal.Parse(s, 40, 30)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	month, _ := tollbook.ParseMonth("2023-08")
	want := client.Record{
		ID: "8f3e643c16671acaf60e8bceddbc1877", AccountID: "5ea75fe7aa224700012eae40", ProductID: "TD-LIC-APP-RC-101910", AggrProductID: "TD-USG-TEL-UG-102213",
		Month: month, Type: "NUMBER", Description: "SIP Number", Currency: "USD", Direction: text("INBOUND"), Unit: "MINUTES", Price: number("1"),
		WalletName: text("contact center"), NumberOfUnits: number("5"), TotalAmount: number("12345678901234567890.123456789012"),
	}
	if diff := cmp.Diff(want, got[2], cmp.Comparer(func(a, b decimal.Decimal) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if want := "GET /express/usage/month?filter=month+eq+%272023-08%27&order_by=id%3Aasc&per_page=1"; s.paths[0] != want {
		t.Errorf("first request %s, want %s", s.paths[0], want)
	}
	page, err := c.UsagePage(t.Context(), client.UsageQuery{})
	if err != nil || page.Total != 3 || len(page.Records) != 1 || page.AsOf.IsZero() || !strings.HasSuffix(page.Next, "cursor=2") {
		t.Errorf("UsagePage = %+v, %v", page, err)
	}
}

func TestNextIsNotFollowedElsewhere(t *testing.T) {
	t.Parallel()
	stranger := newServer(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the token was sent elsewhere") })
	for name, href := range map[string]func(r *http.Request) string{
		"port":   func(*http.Request) string { return stranger.URL + "/x?cursor=2" },
		"scheme": func(r *http.Request) string { return "https://" + r.Host + "/x?cursor=2" },
		"userinfo": func(r *http.Request) string {
			return "http://" + r.Host + "@" + strings.TrimPrefix(stranger.URL, "http://")
		},
		"itself": func(r *http.Request) string { return "http://" + r.Host + "/express/usage/month?cursor=2" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				pagesOf(func(*http.Request, string) string { return href(r) })(w, r)
			})
			c, _ := connect(t, s)
			n := 0
			var last error
			for _, err := range c.Usage(t.Context(), client.UsageQuery{}) {
				if n++; n > 10 {
					t.Fatal("goes round in circles")
				}
				last = err
			}
			if last == nil {
				t.Error("no error")
			}
		})
	}
}

func TestStoppingEarlyAsksNoMore(t *testing.T) {
	t.Parallel()
	s := newServer(t, pagesOf(func(r *http.Request, n string) string { return "http://" + r.Host + "/?cursor=" + n }))
	c, _ := connect(t, s)
	for _, err := range c.Usage(t.Context(), client.UsageQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if len(s.paths) != 1 {
		t.Errorf("requests %v, want one", s.paths)
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	var bodies []string
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, r.Header.Get("Content-Type")+" "+string(body))
		switch {
		case r.URL.Path == "/v1/events":
			_, _ = io.WriteString(w, `{"accepted": 1, "duplicate": 0, "conflict": 0, "rejected": 1, "unrated": 0, "results": [{"index": 1, "source": "s", "id": "b", "status": "rejected", "code": "invalid_event", "message": "No.", "fields": [{"name": "type", "description": "unknown"}]}]}`)
		case strings.HasPrefix(r.URL.Path, "/v1/rate-cards"):
			_, _ = io.WriteString(w, `{"id": "c", "version": 2, "rows": 7}`)
		case r.Method == "POST":
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"client_id": "i", "client_secret": "s"}`)
		default:
			_, _ = w.Write(body)
		}
	})
	c, _ := connect(t, s)
	receipt, err := c.Post(t.Context(), client.Batch{ContentType: client.TypeNDJSON, Body: []byte("{}\n{}\n")})
	if err != nil || receipt.Accepted != 1 || receipt.Rejected != 1 || receipt.Results[0].Fields[0].Name != "type" {
		t.Errorf("Post = %+v, %v", receipt, err)
	}
	if err := c.PutOrganization(t.Context(), "o/1", client.OrganizationSpec{Name: "One"}); err != nil {
		t.Error(err)
	}
	if card, err := c.PutRateCard(t.Context(), "c", []byte("resource\ncall\n")); err != nil || card.Version != 2 || card.Rows != 7 {
		t.Errorf("PutRateCard = %+v, %v", card, err)
	}
	if cred, err := c.CreateClient(t.Context(), client.ClientSpec{Name: "n", Scopes: []string{"operator"}}); err != nil || cred.ClientSecret != "s" {
		t.Errorf("CreateClient = %+v, %v", cred, err)
	}
	if err := c.RevokeClient(t.Context(), "i"); err != nil {
		t.Error(err)
	}
	wantPaths := []string{"POST /v1/events", "PUT /v1/organizations/o%2F1", "PUT /v1/rate-cards/c", "POST /v1/clients", "DELETE /v1/clients/i"}
	if diff := cmp.Diff(wantPaths, s.paths); diff != "" {
		t.Error(diff)
	}
	if want := `application/json {"name":"One","reseller_id":null,"entitled":false,"rate_card_id":null,"close_after_days":null}`; bodies[1] != want {
		t.Errorf("body %s, want %s", bodies[1], want)
	}
}
