package api_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"tollbook/localstore"
)

const benchCard = "resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency\n" +
	"CALL,OUTBOUND,1;44;49;33;39;34;81;61,0.013,60,SECONDS,USD\nCALL,OUTBOUND,4420;4930;331,0.0111,6,SECONDS,USD\n"

// benchWorld is a server over a ledger on a real disk, with one organization
// of some accounts, and a token of it.
func benchWorld(b *testing.B, accounts int) (*world, string) {
	b.Helper()
	store, err := localstore.Open(b.TempDir(), localstore.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	w := newWorldOn(b, store)
	var ids []string
	for i := range accounts {
		ids = append(ids, fmt.Sprintf("acme-account-%06d", i))
	}
	token := w.organization("acme", benchCard, ids...)
	w.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}} // no answer is checked from here on
	return w, token
}

// benchEvents returns a body of n events of about 376 bytes with random ids,
// spread over accounts and a year's months. Each priced one has a record of
// its own among the given number of descriptions.
func benchEvents(r *rand.Rand, n, accounts, descriptions int, priced bool) []byte {
	body := []byte{'['}
	prices := ""
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		if priced {
			prices = fmt.Sprintf(`"price":0.0125,"currency":"EUR","description":"service %04d",`, r.IntN(descriptions))
		}
		body = fmt.Appendf(body, `{"id":"%016x%016x","source":"pbx-%d","account_id":"acme-account-%06d","occurred_at":"2026-%02d-%02dT%02d:%02d:%02d.123Z","type":"CALL","direction":"OUTBOUND","resolution":"ANSWERED","quantity":%d,%s"from":"+4930%07d","to":"+4420%07d","country":"GB","category":"geographic","attributes":{"trunk":"t-%d","node":"n-%d"}}`,
			r.Uint64(), r.Uint64(), r.IntN(4), r.IntN(accounts), 1+r.IntN(8), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 1+r.IntN(600), prices, r.IntN(1e7), r.IntN(1e7), r.IntN(30), r.IntN(8))
	}
	return append(body, ']')
}

// send posts a body and fails the benchmark unless it is all taken.
func (w *world) send(b *testing.B, token string, body []byte) {
	r, err := http.NewRequest("POST", w.URL+"/v1/events", bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := w.http.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !bytes.Contains(text, []byte(`"results":[]`)) {
		b.Errorf("%v, %d %.300s", err, resp.StatusCode, text)
	}
}

// fetch reads an answer to its end and does nothing with it.
func (w *world) fetch(b *testing.B, token, target string) {
	r, err := http.NewRequest("GET", w.URL+target, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := w.http.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 || n == 0 {
		b.Fatalf("%v, status %d, %d bytes", err, resp.StatusCode, n)
	}
}

// BenchmarkIngest sends rated events over HTTP to a ledger on a real disk,
// each batch answered once it is synced. The client takes its share of the
// same processors.
func BenchmarkIngest(b *testing.B) {
	for _, shape := range []struct{ batch, connections int }{{10_000, 4}, {1_000, 16}, {100, 64}} {
		b.Run(fmt.Sprintf("batch=%d/connections=%d", shape.batch, shape.connections), func(b *testing.B) {
			w, token := benchWorld(b, 1000)
			r := rand.New(rand.NewPCG(1, 2))
			bodies := make([][]byte, (b.N+shape.batch-1)/shape.batch)
			for i := range bodies {
				bodies[i] = benchEvents(r, shape.batch, 1000, 1, false)
			}
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range shape.connections {
				wg.Go(func() {
					for i := next.Add(1) - 1; int(i) < len(bodies); i = next.Add(1) - 1 {
						w.send(b, token, bodies[i])
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(len(bodies)*shape.batch)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPage takes pages of 50 over HTTP from an organization with a
// million records: the first, the middle and the last, in each order that
// pages need no scan for, and one that does.
func BenchmarkPage(b *testing.B) {
	const accounts, descriptions, records = 2000, 64, 1_000_000
	w, token := benchWorld(b, accounts)
	r := rand.New(rand.NewPCG(3, 4))
	for n := 0; n < records; {
		w.send(b, token, benchEvents(r, 10_000, accounts, descriptions, true))
		a := w.get("/express/usage/month?per_page=1", token)
		if _, err := fmt.Sscan(spaced(a.JSON["total"]), &n); err != nil {
			b.Fatal(err, a.Text)
		}
	}
	total := w.get("/express/usage/month?per_page=50", token)
	pages := 0
	if _, err := fmt.Sscan(spaced(total.JSON["total_pages"]), &pages); err != nil {
		b.Fatal(err)
	}
	for _, query := range []string{"order_by=id:desc", "order_by=month:asc", "order_by=account_id:asc", "filter=month+eq+'2026-03'", "order_by=total_amount:desc"} {
		for _, page := range []int{1, pages / 2, pages} {
			if query[0] == 'f' {
				page = (page + 7) / 8
			}
			b.Run(fmt.Sprintf("%s/page=%d", query, page), func(b *testing.B) {
				for b.Loop() {
					w.fetch(b, token, fmt.Sprintf("/express/usage/month?%s&page=%d", query, page))
				}
			})
		}
	}
}

// BenchmarkPutCard makes a card of 260,000 rows, each with a prefix and a price
// of its own, the next version of itself, over HTTP and on a real disk; it is
// in force when the answer is there.
func BenchmarkPutCard(b *testing.B) {
	w, _ := benchWorld(b, 1)
	card := func(version int) []byte {
		body := []byte("resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency,description\n")
		for i := range 260_000 {
			body = fmt.Appendf(body, "call,outbound,%d,0.%06d,1,minutes,USD,Calls\n", 1_000_000+i*31, (i*7919+version)%1_000_000+1)
		}
		return body
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		body := card(i)
		b.StartTimer()
		if a := w.do("PUT", "/v1/rate-cards/large", w.operator, "text/csv", body); a.Status >= 300 {
			b.Fatal(a.Text)
		}
	}
}
