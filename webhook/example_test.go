package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"tollbook/webhook"
)

// A receiver verifies a message, does once what is to be done about it, and
// answers 204.
func ExampleVerify() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // shown when the alert was created
	seen := map[string]bool{}                               // in earnest, a table

	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		id, err := webhook.Verify(secret, r.Header, body, time.Now())
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if !seen[id] {
			seen[id] = true
			fmt.Printf("%s: %s\n", id, body)
		}
		w.WriteHeader(http.StatusNoContent)
	}

	for _, body := range []string{`{"type":"alert.fired"}`, `{"type":"alert.fired"}`, `{"type":"forged"}`} {
		signature, err := webhook.Sign(secret, "8f3e643c16671aca", time.Now(), []byte(`{"type":"alert.fired"}`))
		if err != nil {
			panic(err)
		}
		r := httptest.NewRequest("POST", "/hook", bytes.NewBufferString(body))
		r.Header.Set(webhook.HeaderID, "8f3e643c16671aca")
		r.Header.Set(webhook.HeaderTimestamp, strconv.FormatInt(time.Now().Unix(), 10))
		r.Header.Set(webhook.HeaderSignature, signature)
		w := httptest.NewRecorder()
		receive(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 8f3e643c16671aca: {"type":"alert.fired"}
	// 204
	// 204
	// 401
}
