package api

import (
	"net/http"

	"tollbook"
	"tollbook/book"
)

// created is the status of a PUT.
func created(yes bool) int {
	if yes {
		return http.StatusCreated
	}
	return http.StatusOK
}

// putOrganization serves PUT /v1/organizations/{id}.
func (s *server) putOrganization(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	var o tollbook.Organization
	err = object{"id": &o.ID, "name": &o.Name, "reseller_id": &o.ResellerID, "entitled": &o.Entitled, "rate_card_id": &o.RateCardID, "close_after_days": &o.CloseAfterDays}.read(r)
	if err != nil {
		return err
	}
	if err := same("id", o.ID, r.PathValue("id")); err != nil {
		return err
	}
	o.ID = r.PathValue("id")
	isNew, err := op.PutOrganization(r.Context(), o)
	if err != nil {
		return err
	}
	writeJSON(w, created(isNew), typeJSON, o)
	return nil
}

// putAccount serves PUT /v1/accounts/{id}.
func (s *server) putAccount(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	var a tollbook.Account
	err = object{
		"id": &a.ID, "organization_id": &a.OrganizationID, "name": &a.Name, "company_name": &a.CompanyName,
		"status": &a.Status, "time_zone": &a.TimeZone, "rate_card_id": &a.RateCardID,
	}.read(r)
	if err != nil {
		return err
	}
	if err := same("id", a.ID, r.PathValue("id")); err != nil {
		return err
	}
	a.ID = r.PathValue("id")
	now, isNew, err := op.PutAccount(r.Context(), a)
	if err != nil {
		return err
	}
	writeJSON(w, created(isNew), typeJSON, accountDoc(now))
	return nil
}

// accountDoc is an account as it is put and got; its zones are in its history.
func accountDoc(a tollbook.Account) tollbook.Account {
	a.Zones = nil
	return a
}

// putProduct serves PUT /v1/products/{id}.
func (s *server) putProduct(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	var p tollbook.Product
	err = object{"id": &p.ID, "name": &p.Name, "family": &p.Family, "unit_of_measure": &p.UnitOfMeasure, "charge_type": &p.ChargeType}.read(r)
	if err != nil {
		return err
	}
	if err := same("id", p.ID, r.PathValue("id")); err != nil {
		return err
	}
	p.ID = r.PathValue("id")
	isNew, err := op.PutProduct(r.Context(), p)
	if err != nil {
		return err
	}
	writeJSON(w, created(isNew), typeJSON, p)
	return nil
}

// createClient serves POST /v1/clients. The secret is shown this once.
func (s *server) createClient(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	var n book.NewClient
	err = object{"organization_id": &n.OrganizationID, "name": &n.Name, "scopes": &n.Scopes, "jwks": &n.JWKS, "external_id": &n.ExternalID}.read(r)
	if err != nil {
		return err
	}
	cred, err := op.CreateClient(r.Context(), n)
	if err != nil {
		return err
	}
	w.Header().Set("Location", s.base(r)+"/v1/clients/"+cred.ClientID)
	writeJSON(w, http.StatusCreated, typeJSON, cred)
	return nil
}

// revokeClient serves DELETE /v1/clients/{client_id}.
func (s *server) revokeClient(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	if err := readParams(r).err(); err != nil {
		return err
	}
	if err := op.RevokeClient(r.Context(), r.PathValue("client_id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
