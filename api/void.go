package api

import (
	"net/http"

	"tollbook"
	"tollbook/book"
)

// maxVoidBytes bounds the body of one request of voids, decompressed.
const maxVoidBytes = 4 << 20

// voidReceipt says what became of the items of a request, in their order: the
// counts add up to them.
type voidReceipt struct {
	Voided        int          `json:"voided"`
	AlreadyVoided int          `json:"already_voided"`
	NotFound      int          `json:"not_found"`
	Rejected      int          `json:"rejected"`
	Results       []voidResult `json:"results"`
}

type voidResult struct {
	Index       int             `json:"index"`
	Source      string          `json:"source"`
	ID          string          `json:"id"`
	Status      string          `json:"status"`
	BookedMonth *tollbook.Month `json:"booked_month"`
	Adjusts     bool            `json:"adjusts"`
}

// voidEvents serves POST /v1/events/void. It answers 200 once every void that
// it tells of is durable.
func (s *server) voidEvents(w http.ResponseWriter, r *http.Request) error {
	g, err := s.grant(r)
	if err != nil {
		return err
	}
	sender, err := s.Book.Sender(g)
	if err != nil {
		return err
	}
	requests := make([]*book.VoidRequest, 0, book.MaxVoids)
	err = readObjects(r, maxVoidBytes, book.MaxVoids, func() object {
		v := &book.VoidRequest{}
		requests = append(requests, v)
		replacedBy := member(func() object {
			v.ReplacedBy = &tollbook.EventName{}
			return object{"source": &v.ReplacedBy.Source, "id": &v.ReplacedBy.ID}
		})
		return object{"source": &v.Source, "id": &v.ID, "account_id": &v.AccountID, "reason": &v.Reason, "replaced_by": &replacedBy}
	})
	if err != nil {
		return err
	}
	results, err := sender.Void(r.Context(), requests)
	if err != nil {
		return err
	}
	rec := voidReceipt{Results: make([]voidResult, len(results))}
	counts := [...]*int{book.Voided: &rec.Voided, book.AlreadyVoided: &rec.AlreadyVoided, book.VoidNotFound: &rec.NotFound, book.VoidRejected: &rec.Rejected}
	for i, res := range results {
		*counts[res.Status]++
		rec.Results[i] = voidResult{i, requests[i].Source, requests[i].ID, res.Status.String(), res.Booked, res.Adjusts}
	}
	writeJSON(w, http.StatusOK, typeJSON, rec)
	return nil
}
