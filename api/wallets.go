package api

import (
	"net/http"

	"tollbook/book"
)

// wallets serves GET /v1/wallets: what was put into each wallet, what usage
// drew from it, and when it will be exhausted at that rate.
func (s *server) wallets(w http.ResponseWriter, r *http.Request) error {
	treasurer, err := s.treasurer(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	p, cursor, limit, err := cursorQuery(r, "organization_id", "account_id")
	if err != nil {
		return err
	}
	page, err := treasurer.Wallets(r.Context(), book.WalletQuery{
		OrganizationID: p.values.Get("organization_id"), AccountID: p.values.Get("account_id"), After: cursor, Limit: limit,
	})
	if err != nil {
		return err
	}
	body := s.appendCursorPage(nil, r, cursor, limit, len(page.Wallets), page.Next, "")
	body = appendTime(body, "as_of", page.AsOf)
	body = appendEmbedded(body, "wallets", len(page.Wallets), func(dst []byte, i int) []byte {
		return appendJSON(dst, page.Wallets[i])
	})
	writeBody(w, http.StatusOK, contentType, append(body, '}', '\n'))
	return nil
}
