package apitest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		name, webhook string
		header        http.Header
		body          string
		want          string // in the fault; "": there is none
	}{
		{"good", "sold", headers("X-Count", "3"), goodBook, ""},
		{"no such webhook", "lent", headers("X-Count", "3"), goodBook, "no webhook lent"},
		{"header missing", "sold", nil, goodBook, "header X-Count is missing"},
		{"header no number", "sold", headers("X-Count", "many"), goodBook, "not a whole number"},
		{"no JSON", "sold", headers("X-Count", "3"), `{"title":`, "not JSON"},
		{"another body", "sold", headers("X-Count", "3"), `{"title":"a","price":"1","sold":null}`, "/price"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := &log{}
			NewChecker(got, []byte(spec)).Message(c.webhook, c.header, []byte(c.body))
			switch text := fmt.Sprint(got.errors); {
			case c.want == "" && len(got.errors) > 0:
				t.Errorf("faults: %s; want none", text)
			case c.want != "" && (len(got.errors) != 1 || !strings.Contains(text, c.want)):
				t.Errorf("faults: %s; want one with %q", text, c.want)
			}
		})
	}
}
