package api_test

import (
	"strings"
	"testing"
)

// TestSecretsAreShownOnce: only to a client that needs one, and never again.
func TestSecretsAreShownOnce(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "", "acme-1")
	const key = `{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	for _, tc := range []struct {
		how    string
		secret bool
	}{
		{``, true}, {`,"jwks":{"keys":[` + key + `]}`, false}, {`,"external_id":"idp-1"`, false},
	} {
		body := `{"organization_id":"acme","name":"n","scopes":["usage-events:write"]` + tc.how + `}`
		a := w.want(w.do("POST", "/v1/clients", w.operator, "application/json", []byte(body)), 201)
		secret, has := a.JSON["client_secret"].(string)
		if has != tc.secret {
			t.Errorf("%s: secret %v, want %v", body, has, tc.secret)
		}
		path := "/v1/clients/" + a.JSON["client_id"].(string)
		if got, want := a.Header.Get("Location"), w.URL+path; got != want {
			t.Errorf("Location is %s, want %s", got, want)
		}
		for _, target := range []string{path, path + "/history", "/v1/clients"} {
			text := w.want(w.get(target, w.operator), 200).Text
			if has && strings.Contains(text, secret) || strings.Contains(text, "secret") {
				t.Errorf("%s shows a secret: %s", target, text)
			}
		}
	}
	for _, tc := range []struct{ how, field string }{
		{`,"external_id":"idp-1"`, "external_id"}, // another client's
		{`,"external_id":"idp-2","jwks":` + key, "external_id"},
	} {
		body := `{"organization_id":"acme","name":"n","scopes":["usage-events:write"]` + tc.how + `}`
		a := w.want(w.do("POST", "/v1/clients", w.operator, "application/json", []byte(body)), 422)
		if _, named := a.field(tc.field); !named {
			t.Errorf("%s: %s", body, a.Text)
		}
	}
}
