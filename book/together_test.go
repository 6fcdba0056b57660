package book_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"tollbook"
	"tollbook/book"
	"tollbook/storetest"
)

// appended is a ledger that tells what is appended at once, and waits before.
type appended struct {
	tollbook.Ledger
	wait func()
	ids  []string
}

func (l *appended) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	var ids []string
	for _, d := range defs {
		ids = append(ids, d.Actor+":"+d.ID)
	}
	slices.Sort(ids)
	l.ids = append(l.ids, strings.Join(ids, " "))
	l.wait()
	return l.Ledger.Define(ctx, head, defs)
}

// TestDefineTogether: accounts that wait for their turn are appended at once, each
// for who has asked and with what is said of it, but for several of one id.
func TestDefineTogether(t *testing.T) {
	l := &appended{Ledger: storetest.NewModel(), wait: func() {}}
	f := newFixture(t, l)
	other, err := f.book.Operator(book.Grant{Client: tollbook.Client{ID: "other"}, Scopes: []string{tollbook.ScopeOperator}})
	f.must(err)
	gone, cancel := context.WithCancel(t.Context())
	l.ids = nil
	begun, waiting := make(chan struct{}), make(chan struct{})
	l.wait = sync.OnceFunc(func() {
		close(begun)
		<-waiting
		cancel() // whoever appends for others does so all the same
	})
	var all sync.WaitGroup
	put := func(ctx context.Context, op *book.Operator, a tollbook.Account, want tollbook.Code) {
		before := f.book.Waiting()
		all.Go(func() {
			if _, _, err := op.PutAccount(ctx, a); (err != nil) != (want != "") || err != nil && tollbook.CodeOf(err) != want {
				t.Errorf("account %s: %v", a.ID, err)
			}
		})
		for f.book.Waiting() == before {
			runtime.Gosched()
		}
	}
	all.Go(func() {
		_, err := f.operator.PutProduct(f.ctx, tollbook.Product{ID: "p", Name: "P"})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	put(gone, f.operator, tollbook.Account{ID: "b1", OrganizationID: "acme", Name: "One"}, "")
	put(f.ctx, other, tollbook.Account{ID: "b2", OrganizationID: "acme", Name: "Two"}, "")
	put(f.ctx, other, tollbook.Account{ID: "b3", OrganizationID: "nobody", Name: "Three"}, tollbook.CodeInvalidContent)
	put(f.ctx, other, tollbook.Account{ID: "b2", OrganizationID: "acme", Name: "Another"}, "")
	put(f.ctx, other, tollbook.Account{ID: "a1", OrganizationID: "acme", Name: "One"}, "") // as it is
	close(waiting)
	all.Wait()
	f.want("appended", fmt.Sprintf("%q", l.ids), `["op:p" "op:b1 other:b2" "other:b2"]`)
	for id, names := range map[string]string{"b1": "One", "b2": "Two or Another"} {
		if a, err := f.operator.Account(id); err != nil || !strings.Contains(names, a.Name) {
			t.Errorf("account %s is %q, %v", id, a.Name, err)
		}
	}
}
