package api

import (
	"encoding/json"
	"net/http"

	"tollbook"
	"tollbook/book"
)

// newAlert is an alert with its secret, where that is shown.
type newAlert struct {
	tollbook.Alert
	Secret string `json:"secret,omitempty"`
}

// putAlert serves PUT /v1/alerts/{id}. The secret of a new one is shown this
// once.
func (s *server) putAlert(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	var id string
	var spec book.AlertSpec
	var shown json.RawMessage // taken, so that what is got can be put, and left as it is
	err = object{
		"id": &id, "organization_id": &spec.OrganizationID, "account_id": &spec.AccountID, "each_account": &spec.EachAccount,
		"kind": &spec.Kind, "wallet_name": &spec.WalletName, "currency": &spec.Currency, "threshold": &spec.Threshold,
		"url": &spec.URL, "disabled": &spec.Disabled,
		"created_at": &shown, "revision": &shown, "secret_generation": &shown, "secret_rotated_at": &shown,
	}.read(r)
	if err != nil {
		return err
	}
	if err := same("id", id, r.PathValue("id")); err != nil {
		return err
	}
	now, secret, err := op.PutAlert(r.Context(), r.PathValue("id"), spec)
	if err != nil {
		return err
	}
	writeJSON(w, created(secret != ""), typeJSON, newAlert{now, secret})
	return nil
}

// deleteAlert serves DELETE /v1/alerts/{id}.
func (s *server) deleteAlert(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	if err := readParams(r).err(); err != nil {
		return err
	}
	if err := op.DeleteAlert(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// alertSecret is the secret of an alert, which is shown this once.
type alertSecret struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// rotateAlert serves POST /v1/alerts/{id}/rotate-secret.
func (s *server) rotateAlert(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (alertSecret, error) {
		secret, err := op.RotateAlert(r.Context(), r.PathValue("id"))
		return alertSecret{r.PathValue("id"), secret}, err
	})
}

// testAlert serves POST /v1/alerts/{id}/test: one message that says it is a
// test, and what came of it.
func (s *server) testAlert(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (book.TestAnswer, error) {
		return op.TestAlert(r.Context(), r.PathValue("id"))
	})
}

func (s *server) getAlert(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (tollbook.Alert, error) { return op.Alert(r.PathValue("id")) })
}

func (s *server) listAlerts(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "alerts", (*book.Operator).Alerts)
}

func (s *server) alertHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindAlert, r.PathValue("id"))
}

func (s *server) getDelivery(w http.ResponseWriter, r *http.Request) error {
	return show(s, w, r, func(op *book.Operator) (book.DeliveryInfo, error) { return op.Delivery(r.PathValue("id")) })
}

func (s *server) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	return index(s, w, r, "deliveries", (*book.Operator).Deliveries)
}

func (s *server) deliveryHistory(w http.ResponseWriter, r *http.Request) error {
	return s.history(w, r, tollbook.KindDelivery, r.PathValue("id"))
}
