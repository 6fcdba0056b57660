package clickhousestore

import (
	"fmt"
	"strings"
	"testing"

	"tollbook"
	"tollbook/filter"
)

// TestAccountsOf: a filter is of as many accounts as it names, wherever it does.
func TestAccountsOf(t *testing.T) {
	many := make([]string, fewAccounts+1)
	for i := range many {
		many[i] = fmt.Sprintf("account_id eq 'a%d'", i)
	}
	for text, want := range map[string]bool{
		"account_id eq 'a'": true,
		"account_id in ('a', 'b') and month eq '2023-08'":         true,
		"month eq '2023-08' and (account_id eq 'a' or id eq 'x')": true,
		strings.Join(many[1:], " or "):                            true,
		strings.Join(many, " or "):                                false,
		"(" + strings.Join(many, " or ") + ") and id eq 'x'":      true,
		"account_id eq 'a' or month eq '2023-08'":                 false,
		"not account_id eq 'a'":                                   false,
		"account_id ne 'a'":                                       false,
		"month eq '2023-08'":                                      false,
	} {
		e, err := filter.Parse(text, tollbook.RecordSchema())
		if err != nil {
			t.Fatal(text, err)
		}
		if got := ofFewAccounts(e); got != want {
			t.Errorf("%s: of few accounts: %t", text, got)
		}
	}
	if ofFewAccounts(nil) {
		t.Error("no filter is of few accounts")
	}
}
