package webhook_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollbook/webhook"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func now() time.Time { return time.Unix(1614265330, 0) }

// TestSignature is the example that the libraries of the convention are tested
// with.
func TestSignature(t *testing.T) {
	got, err := webhook.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", now(), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("signature %s, %v, want %s", got, err, want)
	}
}

func signed(t *testing.T, body string, secrets ...string) http.Header {
	t.Helper()
	h := http.Header{}
	h.Set(webhook.HeaderID, "m1")
	h.Set(webhook.HeaderTimestamp, strconv.FormatInt(now().Unix(), 10))
	var all []string
	for _, s := range secrets {
		signature, err := webhook.Sign(s, "m1", now(), []byte(body))
		check(t, err)
		all = append(all, signature)
	}
	h.Set(webhook.HeaderSignature, strings.Join(all, " "))
	return h
}

func TestVerify(t *testing.T) {
	const body, other = `{"a":1}`, "whsec_b3RoZXI="
	with := func(name, value string) http.Header {
		h := signed(t, body, secret)
		h.Set(name, value)
		return h
	}
	for _, test := range []struct {
		name   string
		secret string
		header http.Header
		body   string
		now    time.Time
		want   error
	}{
		{"as sent", secret, signed(t, body, secret), body, now(), nil},
		{"of two secrets, the second", secret, signed(t, body, other, secret), body, now(), nil},
		{"beside a later version", secret, with(webhook.HeaderSignature, "v2,x "+signed(t, body, secret).Get(webhook.HeaderSignature)), body, now(), nil},
		{"just in time", secret, signed(t, body, secret), body, now().Add(webhook.Tolerance), nil},
		{"just in time, the clock being late", secret, signed(t, body, secret), body, now().Add(-webhook.Tolerance), nil},
		{"too old", secret, signed(t, body, secret), body, now().Add(webhook.Tolerance + time.Second), webhook.ErrTimestamp},
		{"from the future", secret, signed(t, body, secret), body, now().Add(-webhook.Tolerance - time.Second), webhook.ErrTimestamp},
		{"far from any time", secret, with(webhook.HeaderTimestamp, "-9223372036854775808"), body, now(), webhook.ErrTimestamp},
		{"other body", secret, signed(t, body, secret), body + " ", now(), webhook.ErrNotSignature},
		{"other id", secret, with(webhook.HeaderID, "m2"), body, now(), webhook.ErrNotSignature},
		{"other timestamp", secret, with(webhook.HeaderTimestamp, "1614265331"), body, now(), webhook.ErrNotSignature},
		{"same timestamp in another form", secret, with(webhook.HeaderTimestamp, "+1614265330"), body, now(), webhook.ErrNotSignature},
		{"other secret", other, signed(t, body, secret), body, now(), webhook.ErrNotSignature},
		{"part of a signature", secret, with(webhook.HeaderSignature, signed(t, body, secret).Get(webhook.HeaderSignature)[:20]), body, now(), webhook.ErrNotSignature},
		{"empty signature", secret, with(webhook.HeaderSignature, "v1,"), body, now(), webhook.ErrNotSignature},
		{"no signature", secret, with(webhook.HeaderSignature, ""), body, now(), webhook.ErrHeaders},
		{"no id", secret, with(webhook.HeaderID, ""), body, now(), webhook.ErrHeaders},
		{"no timestamp", secret, with(webhook.HeaderTimestamp, ""), body, now(), webhook.ErrHeaders},
		{"a secret without its prefix", secret[6:], signed(t, body, secret), body, now(), webhook.ErrNoSecret},
		{"a secret that is not Base64", "whsec_!", signed(t, body, secret), body, now(), webhook.ErrNoSecret},
		{"an empty secret", "whsec_", signed(t, body, secret), body, now(), webhook.ErrNoSecret},
	} {
		id, err := webhook.Verify(test.secret, test.header, []byte(test.body), test.now)
		if !errors.Is(err, test.want) || (id == "m1") != (err == nil) {
			t.Errorf("%s: %q, %v, want %v", test.name, id, err, test.want)
		}
	}
}

// FuzzVerify: what has not been signed is never taken, whatever the headers
// hold.
func FuzzVerify(f *testing.F) {
	f.Add("m1", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte(`{}`))
	f.Add("m1", "-9223372036854775808", "v1, v1,AAAA v2,", []byte(""))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		h := http.Header{webhook.HeaderID: {id}, webhook.HeaderTimestamp: {timestamp}, webhook.HeaderSignature: {signature}}
		got, err := webhook.Verify(secret, h, body, now())
		if err != nil {
			return
		}
		seconds, parseErr := strconv.ParseInt(timestamp, 10, 64)
		want, signErr := webhook.Sign(secret, id, time.Unix(seconds, 0), body)
		if got != id || parseErr != nil || signErr != nil || !strings.Contains(signature, want) {
			t.Errorf("took %q %q %q %q", id, timestamp, signature, body)
		}
	})
}
