package api

import (
	"net/http"

	"tollbook"
	"tollbook/book"
	"tollbook/wire"
)

// maxIngestBytes bounds the body of one request of events, decompressed.
const maxIngestBytes = 16 << 20

// receipt says what became of the events of a request: the five counts are
// disjoint and add up to the events sent; results lists those that were not
// simply accepted.
type receipt struct {
	Accepted  int            `json:"accepted"`
	Duplicate int            `json:"duplicate"`
	Conflict  int            `json:"conflict"`
	Rejected  int            `json:"rejected"`
	Unrated   int            `json:"unrated"`
	Results   []ingestResult `json:"results"`
}

type ingestResult struct {
	Index   int                   `json:"index"`
	Source  string                `json:"source"`
	ID      string                `json:"id"`
	Status  string                `json:"status"`
	Code    string                `json:"code"`
	Message string                `json:"message"`
	Fields  []tollbook.FieldError `json:"fields"`
}

// postEvents serves POST /v1/events. It answers 200 once every counted event
// is durable.
func (s *server) postEvents(w http.ResponseWriter, r *http.Request) error {
	g, err := s.grant(r)
	if err != nil {
		return err
	}
	sender, err := s.Book.Sender(g)
	if err != nil {
		return err
	}
	if err := readParams(r).err(); err != nil {
		return err
	}
	format, err := wire.FormatOf(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	room, err := s.intake.enter(r, g.Client.OrganizationID)
	if err != nil {
		return err
	}
	defer room.leave()
	body, err := wire.ReadBody(r.Body, r.ContentLength, r.Header.Get("Content-Encoding"), maxIngestBytes)
	if err != nil {
		return err
	}
	room.shrink(len(body))
	items, err := wire.Decode(format, body, wire.Options{Now: s.Clock(), MaxEvents: tollbook.MaxBatch})
	if err != nil {
		return err
	}
	defer wire.Release(items)
	rec, err := s.post(r, sender, items)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, typeJSON, rec)
	return nil
}

// post hands the well-formed events of a request to the book and puts what
// became of them and of the others together.
func (s *server) post(r *http.Request, sender *book.Sender, items []wire.Item) (*receipt, error) {
	rec := &receipt{Results: []ingestResult{}}
	events := make([]*tollbook.Event, 0, len(items))
	for i := range items {
		if items[i].Err == nil {
			events = append(events, &items[i].Event)
		}
	}
	results, err := sender.Post(r.Context(), events)
	if err != nil {
		return nil, err
	}
	next := 0
	for i := range items {
		item := &items[i]
		if e := item.Err; e != nil {
			rec.add(i, e.Source, e.ID, book.Result{Status: book.StatusRejected, Code: string(e.Code), Message: e.Message, Fields: e.Fields})
			continue
		}
		rec.add(i, item.Event.Source, item.Event.ID, results[next])
		next++
	}
	s.metrics.ingested(rec)
	return rec, nil
}

func (rec *receipt) add(index int, source, id string, res book.Result) {
	switch res.Status {
	case book.StatusAccepted:
		rec.Accepted++
		return
	case book.StatusDuplicate:
		rec.Duplicate++
	case book.StatusConflict:
		rec.Conflict++
	case book.StatusRejected:
		rec.Rejected++
	case book.StatusUnrated:
		rec.Unrated++
	}
	if res.Fields == nil {
		res.Fields = []tollbook.FieldError{}
	}
	rec.Results = append(rec.Results, ingestResult{index, source, id, res.Status.String(), res.Code, res.Message, res.Fields})
}
