package api

import (
	"bufio"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"tollbook"
	"tollbook/book"
	"tollbook/wire"
)

func (s *server) cardRoutes() []route {
	return []route{
		{"GET", "/v1/rate-cards", s.listRateCards},
		{"GET", "/v1/rate-cards/{id}", s.getRateCard},
		{"PUT", "/v1/rate-cards/{id}", s.putRateCard},
		{"GET", "/v1/rate-cards/{id}/history", s.rateCardHistory},
		{"GET", "/v1/rate-cards/{id}/versions", s.rateCardVersions},
		{"GET", "/v1/rate-cards/{id}/versions/{version}", s.rateCardVersion},
		{"GET", "/v1/rate-cards/{id}/diff", s.diffRateCard},
		{"POST", "/v1/rate-cards/{id}/diff", s.diffRateCardFile},
		{"POST", "/v1/rate-cards/{id}/preview", s.previewRateCard},
	}
}

// readCard reads a rate card's CSV from a request's body.
func readCard(r *http.Request) (string, error) {
	if err := isCSV(r); err != nil {
		return "", err
	}
	return wire.ReadBody(r.Body, r.ContentLength, r.Header.Get("Content-Encoding"), book.MaxCardBytes)
}

// putRateCard serves PUT /v1/rate-cards/{id}, a CSV. With dry_run it tells what
// would come of it.
func (s *server) putRateCard(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	p := readParams(r, "dry_run")
	dryRun := p.oneOf("dry_run", "false", "true") == "true"
	if err := p.err(); err != nil {
		return err
	}
	csv, err := readCard(r)
	if err != nil {
		return err
	}
	if dryRun {
		plan, err := op.PlanRateCard(r.Context(), r.PathValue("id"), csv)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, typeJSON, plan)
		return nil
	}
	card, isNew, err := op.PutRateCard(r.Context(), r.PathValue("id"), csv)
	if err != nil {
		return err
	}
	writeJSON(w, created(isNew), typeJSON, card)
	return nil
}

// getRateCard serves GET /v1/rate-cards/{id}: what the card is, or its text
// where the client accepts CSV rather.
func (s *server) getRateCard(w http.ResponseWriter, r *http.Request) error {
	return showCard(s, w, r, 0, func(op *book.Operator) (tollbook.RateCard, error) { return op.RateCard(r.PathValue("id")) })
}

// rateCardVersion serves GET /v1/rate-cards/{id}/versions/{version} likewise.
func (s *server) rateCardVersion(w http.ResponseWriter, r *http.Request) error {
	version, err := strconv.ParseUint(r.PathValue("version"), 10, 31)
	if err != nil || version == 0 {
		version = math.MaxInt32 // which no card has
	}
	return showCard(s, w, r, int(version), func(op *book.Operator) (book.CardVersion, error) {
		return op.RateCardVersion(r.PathValue("id"), int(version))
	})
}

// showCard answers with a version of a card as JSON, or with its text.
func showCard[T any](s *server, w http.ResponseWriter, r *http.Request, version int, get func(*book.Operator) (T, error)) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeJSON, typeCSV)
	if err != nil {
		return err
	}
	if err := readParams(r).err(); err != nil {
		return err
	}
	if contentType == typeJSON {
		v, err := get(op)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, typeJSON, v)
		return nil
	}
	csv, err := op.RateCardCSV(r.Context(), r.PathValue("id"), version)
	if err != nil {
		return err
	}
	writeBody(w, http.StatusOK, typeCSV+"; charset=utf-8", []byte(csv))
	return nil
}

func (s *server) listRateCards(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "rate_cards", (*book.Operator).RateCards)
}

func (s *server) rateCardHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindRateCard, r.PathValue("id"))
}

func (s *server) rateCardVersions(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "versions", func(op *book.Operator, q book.PageQuery) ([]book.CardVersion, book.PageInfo, error) {
		return op.RateCardVersions(r.PathValue("id"), q)
	})
}

// diffRateCard serves GET /v1/rate-cards/{id}/diff: what differs between two
// versions of a card.
func (s *server) diffRateCard(w http.ResponseWriter, r *http.Request) error {
	return s.diff(w, r, []string{"from", "to"}, func(op *book.Operator, p *params) (*book.CardDiff, error) {
		from, to := p.integer("from", math.MaxInt32, 0), p.integer("to", math.MaxInt32, 0)
		if err := p.err(); err != nil {
			return nil, err
		}
		return op.DiffRateCard(r.Context(), r.PathValue("id"), from, to)
	})
}

// diffRateCardFile serves POST /v1/rate-cards/{id}/diff: what differs between a
// version of a card and a file.
func (s *server) diffRateCardFile(w http.ResponseWriter, r *http.Request) error {
	return s.diff(w, r, []string{"from"}, func(op *book.Operator, p *params) (*book.CardDiff, error) {
		from := p.integer("from", math.MaxInt32, 0)
		if err := p.err(); err != nil {
			return nil, err
		}
		csv, err := readCard(r)
		if err != nil {
			return nil, err
		}
		return op.DiffRateCardFile(r.Context(), r.PathValue("id"), from, csv)
	})
}

// diff answers with the changes of a card: how many there are and the first
// ones as JSON, or all of them as JSON lines.
func (s *server) diff(w http.ResponseWriter, r *http.Request, allowed []string, work func(*book.Operator, *params) (*book.CardDiff, error)) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeJSON, typeNDJSON)
	if err != nil {
		return err
	}
	p := readParams(r, append(allowed, "limit")...)
	limit := p.whole("limit", maxListed, defaultListed)
	d, err := work(op, p)
	if err != nil {
		return err
	}
	if contentType == typeJSON {
		d.Changes = d.Changes[:min(limit, len(d.Changes))]
		writeJSON(w, http.StatusOK, typeJSON, d)
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", typeNDJSON)
	h.Set("Cache-Control", "no-store")
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	for i := range d.Changes {
		_ = lines.Encode(&d.Changes[i]) // a failure to write is the client's going away
	}
	_ = out.Flush()
	return nil
}
