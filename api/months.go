package api

import (
	"net/http"

	"tollbook"
)

// organizationQuery names the organization whose months are asked for.
const organizationQuery = "organization_id"

// pathMonth reads the month in a path.
func pathMonth(r *http.Request) (tollbook.Month, error) {
	m, err := tollbook.ParseMonth(r.PathValue("month"))
	if err != nil {
		return 0, tollbook.NewError(tollbook.CodeInvalidRequest, "The request is not valid.", tollbook.FieldError{Name: "month", Description: "must be a month in the form YYYY-MM"})
	}
	return m, nil
}

// listMonths serves GET /v1/months: the months of an organization, each with
// its state and, where it is closed, its statement.
func (s *server) listMonths(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	p, q := pageParams(r, organizationQuery)
	organization := p.required(organizationQuery, maxIDChars)
	if err := p.err(); err != nil {
		return err
	}
	rows, info, err := op.Months(r.Context(), organization, q)
	if err != nil {
		return err
	}
	return writeList(s, w, r, "months", q, rows, info, organizationQuery)
}

// getMonth serves GET /v1/months/{month}.
func (s *server) getMonth(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	p := readParams(r, organizationQuery)
	organization := p.required(organizationQuery, maxIDChars)
	if err := p.err(); err != nil {
		return err
	}
	m, err := pathMonth(r)
	if err != nil {
		return err
	}
	month, err := op.Month(r.Context(), organization, m)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, typeJSON, month)
	return nil
}

// closeMonth serves POST /v1/months/{month}/close. It answers with the month
// once its statement is there.
func (s *server) closeMonth(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	m, err := pathMonth(r)
	if err != nil {
		return err
	}
	var organization string
	if err := (object{organizationQuery: &organization}).read(r); err != nil {
		return err
	}
	if organization == "" {
		return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid.", tollbook.FieldError{Name: organizationQuery, Description: "is required"})
	}
	month, err := op.CloseMonth(r.Context(), organization, m)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, typeJSON, month)
	return nil
}

// monthAdjustments serves GET /v1/months/{month}/adjustments: what occurred in
// a month but is booked in a later one.
func (s *server) monthAdjustments(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	m, err := pathMonth(r)
	if err != nil {
		return err
	}
	p, cursor, limit := cursorParams(r, organizationQuery, "account_id")
	organization := p.required(organizationQuery, maxIDChars)
	if err := p.err(); err != nil {
		return err
	}
	page, err := op.Adjustments(r.Context(), organization, p.values.Get("account_id"), m, cursor, limit)
	if err != nil {
		return err
	}
	body := s.appendCursorPage(nil, r, cursor, limit, len(page.Events), page.Next, "")
	body = appendEmbedded(body, "adjustments", len(page.Events), func(dst []byte, i int) []byte {
		e := &page.Events[i]
		dst = append(dst, `{"event":`...)
		dst = append(openEvent(dst, &e.Event), '}')
		return append(appendWord(dst, e), '}')
	})
	writeBody(w, http.StatusOK, contentType, append(body, '}', '\n'))
	return nil
}
