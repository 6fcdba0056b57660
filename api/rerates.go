package api

import (
	"net/http"
	"net/url"

	"tollbook"
	"tollbook/book"
)

const reratesPath = "/v1/rerates"

// startRerate serves POST /v1/rerates. The re-rating runs in the background;
// the answer says where to look for it.
func (s *server) startRerate(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	var scope book.RerateScope
	var month *string
	if err := (object{"organization_id": &scope.OrganizationID, "account_id": &scope.AccountID, "month": &month}).read(r); err != nil {
		return err
	}
	if month != nil {
		m, err := tollbook.ParseMonth(*month)
		if err != nil {
			return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid.",
				tollbook.FieldError{Name: "month", Description: "must be a month in the form YYYY-MM, or null"})
		}
		scope.Month = &m
	}
	job, err := op.Rerate(r.Context(), scope)
	if err != nil {
		return err
	}
	w.Header().Set("Location", reratesPath+"/"+url.PathEscape(job.ID))
	writeJSON(w, http.StatusAccepted, typeJSON, job)
	return nil
}

func (s *server) getRerate(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (book.Rerate, error) { return op.RerateByID(r.PathValue("id")) })
}

func (s *server) listRerates(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "rerates", (*book.Operator).Rerates)
}

// cancelRerate serves DELETE /v1/rerates/{id}: what is restated stays so.
func (s *server) cancelRerate(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (book.Rerate, error) { return op.CancelRerate(r.Context(), r.PathValue("id")) })
}
