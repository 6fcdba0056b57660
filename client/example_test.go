package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"tollbook/client"
	"tollbook/decimal"
)

// This example adds up what an organization used in a month.
func Example() {
	server := httptest.NewServer(exampleAPI())
	defer server.Close()

	c, err := client.New(client.Config{BaseURL: server.URL, ClientID: "reports", ClientSecret: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	total := map[string]decimal.Decimal{} // by currency
	for record, err := range c.Usage(context.Background(), client.UsageQuery{Filter: "month eq '2023-08'"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if !record.PutIn() {
			total[record.Currency] = total[record.Currency].Add(record.TotalAmount)
		}
	}
	fmt.Println(total["USD"], "USD")
	// Output: 5.1 USD
}

// exampleAPI is a server with one page of two records.
func exampleAPI() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		})
	}
	answer("POST /oauth/token", `{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}`)
	answer("GET /express/usage/month", `{"count": 2, "_links": {}, "_embedded": {"usage": [
		{"type": "NUMBER", "month": "2023-08", "currency": "USD", "total_amount": 5},
		{"type": "CALL", "month": "2023-08", "currency": "USD", "total_amount": 0.1}]}}`)
	return mux
}
