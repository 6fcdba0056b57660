package api

import (
	"bufio"
	"encoding/json"
	"net/http"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
)

// previewRecord is a record that would change, as it is shown.
type previewRecord struct {
	ID             string           `json:"id"`
	OrganizationID string           `json:"organization_id"`
	AccountID      string           `json:"account_id"`
	ProductID      string           `json:"product_id"`
	AggrProductID  string           `json:"aggr_product_id"`
	Type           string           `json:"type"`
	Description    string           `json:"description"`
	Currency       string           `json:"currency"`
	Direction      *string          `json:"direction"`
	Resolution     *string          `json:"resolution"`
	Unit           string           `json:"unit"`
	Price          decimal.Decimal  `json:"price"`
	WalletName     *string          `json:"wallet_name"`
	Before         *book.PreviewSum `json:"before"`
	After          *book.PreviewSum `json:"after"`
}

func previewRecordOf(r *book.PreviewRecord) previewRecord {
	nullable := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return previewRecord{
		ID: r.ID.String(), OrganizationID: r.OrganizationID, AccountID: r.AccountID, ProductID: r.ProductID, AggrProductID: r.AggrProductID,
		Type: r.Type.String(), Description: r.Description, Currency: r.Currency, Direction: nullable(r.Direction.String()), Resolution: nullable(r.Resolution.String()),
		Unit: r.Unit.String(), Price: r.Price, WalletName: nullable(r.WalletName), Before: r.Before, After: r.After,
	}
}

// previewRateCard serves POST /v1/rate-cards/{id}/preview: what the records of a
// month would become under a card; counts, sums and the first records as JSON,
// or all records that would change as JSON lines.
func (s *server) previewRateCard(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeJSON, typeNDJSON)
	if err != nil {
		return err
	}
	p := readParams(r, "month", "organization_id", "account_id", "limit")
	q := book.PreviewQuery{OrganizationID: p.filled("organization_id", maxIDChars), AccountID: p.filled("account_id", maxIDChars), Keep: p.whole("limit", maxListed, defaultListed)}
	if text := p.required("month", len("2026-08")); text != "" {
		if q.Month, err = tollbook.ParseMonth(text); err != nil {
			p.fault("month", err.Error())
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	if contentType == typeNDJSON {
		q.Keep = book.MaxPreviewed
	}
	csv, err := readCard(r)
	if err != nil {
		return err
	}
	preview, err := op.PreviewRateCard(r.Context(), r.PathValue("id"), csv, q)
	if err != nil {
		return err
	}
	if contentType == typeJSON {
		records := make([]previewRecord, len(preview.Records))
		for i := range preview.Records {
			records[i] = previewRecordOf(&preview.Records[i])
		}
		writeJSON(w, http.StatusOK, typeJSON, struct {
			*book.Preview
			Records []previewRecord `json:"records"`
		}{preview, records})
		return nil
	}
	if preview.ChangedRecords > len(preview.Records) {
		return tollbook.NewError(tollbook.CodeTooLarge, "There are too many records to list them all; ask for an organization or an account.")
	}
	h := w.Header()
	h.Set("Content-Type", typeNDJSON)
	h.Set("Cache-Control", "no-store")
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	for i := range preview.Records {
		_ = lines.Encode(previewRecordOf(&preview.Records[i])) // a failure to write is the client's going away
	}
	_ = out.Flush()
	return nil
}
