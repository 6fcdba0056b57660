//go:build !race

package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tollbook/client"
)

// What of Swagger UI is clicked on and read.
const (
	openAuthorize = ".auth-wrapper button.authorize"
	clientID      = "#client_id_clientCredentials"
	clientSecret  = "#client_secret_clientCredentials"
	authorize     = ".dialog-ux button.modal-btn.authorize"
	loggedIn      = ".dialog-ux button[aria-label='Remove authorization']"
	dialog        = ".dialog-ux"
	closeDialog   = ".dialog-ux .btn-done"
	authError     = ".dialog-ux .errors"

	operation    = "#operations-Usage-getAccountUsageMonth"
	openIt       = operation + " .opblock-summary-control"
	pageInput    = operation + " tr[data-param-name='page'] input" // which is there once references are resolved
	filterInput  = operation + " tr[data-param-name='filter'] input"
	execute      = operation + " .execute"
	clearAnswer  = operation + " .btn-clear"
	answerStatus = operation + " .live-responses-table .response .response-col_status"
	answerBody   = operation + " .live-responses-table .response .highlight-code"
)

// docs opens Swagger UI and its dialog for a client's credentials.
func (w *world) docs(t *testing.T) *tab {
	t.Helper()
	p := openTab(t, w.url, "/docs")
	p.click(openAuthorize)
	return p
}

func (p *tab) authorize(cred client.Credentials) {
	p.Helper()
	p.fill(clientID, cred.ClientID)
	p.fill(clientSecret, cred.ClientSecret)
	p.click(authorize)
}

// openOperation opens the operation and waits until it is drawn whole: Swagger
// UI draws it again once it has resolved the references in it, and a click on
// what was there before is lost.
func (p *tab) openOperation() {
	p.Helper()
	p.click(openIt)
	p.do(chromedp.WaitVisible(chromedp.CSS(pageInput)))
}

// TestSwaggerUI is somebody who opens /docs with the credentials of a client
// in hand, and asks for usage.
func TestSwaggerUI(t *testing.T) {
	needChromium(t)
	w := newWorld(t, nil)
	p := w.docs(t)
	if text := p.text(dialog); strings.Contains(text, "clientBasic") {
		t.Errorf("the dialog offers more than a token:\n%s", text)
	}
	p.picture("1 authorize")
	p.authorize(w.register(t, nil))
	if got := p.text(loggedIn); got != "Logout" {
		t.Errorf("after Authorize a button says %q; want Logout", got)
	}
	p.picture("2 authorized")
	p.click(closeDialog)

	p.openOperation()
	p.click(execute)
	p.wantAnswer("200", fmt.Sprintf(`"total": %d,`, wantedRecords))
	p.picture("3 as filled in")

	p.click(clearAnswer)
	p.do(chromedp.WaitNotPresent(chromedp.CSS(answerStatus)))
	p.fill(filterInput, " and month eq '2023-08' and type eq 'CALL' and account_id eq '"+accountID(accounts-1)+"'")
	p.click(execute)
	p.wantAnswer("200", `"total": 1,`, fmt.Sprintf(`"id": "%s",`, w.record))
	p.picture("4 one record")
	p.checkQuiet()
}

// wantAnswer checks the answer that the operation shows.
func (p *tab) wantAnswer(status string, body ...string) {
	p.Helper()
	if got := p.text(answerStatus); got != status {
		p.Errorf("the page shows status %q; want %s", got, status)
	}
	text := p.text(answerBody)
	for _, want := range body {
		if !strings.Contains(text, want) {
			p.Errorf("the page does not show %s but:\n%s", want, text)
		}
	}
}

// TestSwaggerUIWrongSecret makes sure that the page, not the browser with a
// dialog of its own, gets to say that the secret was wrong.
func TestSwaggerUIWrongSecret(t *testing.T) {
	needChromium(t)
	w := newWorld(t, nil)
	cred := w.register(t, nil)
	cred.ClientSecret = "guessed"
	p := w.docs(t)
	p.authorize(cred)
	if got := p.text(authError); !strings.Contains(got, "invalid_client") {
		t.Errorf("the page says %q; want invalid_client", got)
	}
	p.picture("1 wrong secret")
	p.click(closeDialog)
	p.openOperation()
	p.click(execute)
	p.wantAnswer("401", `"code": "unauthorized",`)
	p.picture("2 no token")

	// Chromium itself notes each refusal on the console.
	refused := "Failed to load resource: the server responded with a status of 401 (Unauthorized) " + w.url
	p.checkQuiet(refused+"/oauth/token", refused+"/express/usage/month?page=1&per_page=50&filter=month%20ge%20%272023-01%27&order_by=month%3Adesc")
}
