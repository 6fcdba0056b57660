package api

import (
	"net/http"
	"strings"

	"tollbook"
	"tollbook/book"
)

// grant authenticates a request by its bearer token (RFC 6750; only the
// header is looked at).
func (s *server) grant(r *http.Request) (book.Grant, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return book.Grant{}, tollbook.NewError(tollbook.CodeUnauthorized, "A bearer token is needed.")
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return book.Grant{}, tollbook.NewError(tollbook.CodeUnauthorized, "A bearer token is needed.")
	}
	g, err := s.OAuth.Verify(r.Context(), strings.TrimSpace(token))
	if err != nil {
		return book.Grant{}, err
	}
	return book.Grant{Client: g.Client, Scopes: g.Scopes}, nil
}

func (s *server) view(r *http.Request, scope string) (*book.View, error) {
	g, err := s.grant(r)
	if err != nil {
		return nil, err
	}
	return s.Book.View(g, scope)
}

func (s *server) operator(r *http.Request) (*book.Operator, error) {
	g, err := s.grant(r)
	if err != nil {
		return nil, err
	}
	return s.Book.Operator(g)
}

func (s *server) treasurer(r *http.Request) (*book.Treasurer, error) {
	g, err := s.grant(r)
	if err != nil {
		return nil, err
	}
	return s.Book.Treasurer(g)
}
