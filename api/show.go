package api

import (
	"mime"
	"net/http"
	"strconv"

	"tollbook"
	"tollbook/book"
)

const typeCSV = "text/csv"

func isCSV(r *http.Request) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == typeCSV {
		return nil
	}
	return tollbook.NewError(tollbook.CodeUnsupportedMedia, "The body must be "+typeCSV+".",
		tollbook.FieldError{Name: "Content-Type", Description: "must be " + typeCSV})
}

// show answers an operator with one defined object.
func show[T any](s *server, w http.ResponseWriter, r *http.Request, get func(*book.Operator) (T, error)) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	if err := readParams(r).err(); err != nil {
		return err
	}
	v, err := get(op)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, typeJSON, v)
	return nil
}

// index answers an operator with a page of defined objects.
func index[T any](s *server, w http.ResponseWriter, r *http.Request, name string, get func(*book.Operator, book.PageQuery) ([]T, book.PageInfo, error)) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	q, err := pageQuery(r)
	if err != nil {
		return err
	}
	rows, info, err := get(op, q)
	if err != nil {
		return err
	}
	return writeList(s, w, r, name, q, rows, info)
}

// history answers an operator with a page of an object's changes.
func (s *server) history(w http.ResponseWriter, r *http.Request, kind tollbook.Kind, id string) error {
	return index(s, w, r, "history", func(op *book.Operator, q book.PageQuery) ([]book.Change, book.PageInfo, error) {
		return op.History(kind, id, q)
	})
}

func (s *server) getOrganization(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (tollbook.Organization, error) { return op.Organization(r.PathValue("id")) })
}

func (s *server) listOrganizations(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "organizations", (*book.Operator).Organizations)
}

func (s *server) organizationHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindOrganization, r.PathValue("id"))
}

func (s *server) getAccount(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (tollbook.Account, error) {
		a, err := op.Account(r.PathValue("id"))
		return accountDoc(a), err
	})
}

func (s *server) listAccounts(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "accounts", func(op *book.Operator, q book.PageQuery) ([]tollbook.Account, book.PageInfo, error) {
		rows, info, err := op.Accounts(q)
		for i := range rows {
			rows[i] = accountDoc(rows[i])
		}
		return rows, info, err
	})
}

func (s *server) accountHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindAccount, r.PathValue("id"))
}

func (s *server) getProduct(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (tollbook.Product, error) { return op.Product(r.PathValue("id")) })
}

func (s *server) listProducts(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "products", (*book.Operator).Products)
}

func (s *server) productHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindProduct, r.PathValue("id"))
}

func (s *server) getClient(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (book.ClientInfo, error) { return op.Client(r.PathValue("client_id")) })
}

func (s *server) listClients(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "clients", (*book.Operator).Clients)
}

func (s *server) clientHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindClient, r.PathValue("client_id"))
}

// unrated serves GET /v1/unrated: the events that no rate covers so far, each
// with the reason.
func (s *server) unrated(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	p, cursor, limit, err := cursorQuery(r, "organization_id")
	if err != nil {
		return err
	}
	page, err := op.Unrated(r.Context(), p.values.Get("organization_id"), cursor, limit)
	if err != nil {
		return err
	}
	body := s.appendCursorPage(nil, r, cursor, limit, len(page.Events), page.Next, "")
	body = append(append(body, `,"total":`...), strconv.Itoa(page.Total)...)
	body = appendEmbedded(body, "events", len(page.Events), func(dst []byte, i int) []byte {
		e := &page.Events[i]
		dst = append(openEvent(dst, &e.Event), `,"organization_id":`...)
		dst = appendString(dst, e.OrganizationID)
		dst = append(dst, `,"reason":`...)
		return append(appendString(dst, e.Unrated.String()), '}')
	})
	writeBody(w, http.StatusOK, contentType, append(body, '}', '\n'))
	return nil
}
