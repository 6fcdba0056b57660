package clickhousestore_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tollbook"
	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/storetest"
)

// table finds the tables that a statement names.
var table = regexp.MustCompile(`((?:FROM|INTO|TABLE) )([a-z_]+)`)

// TestVerify finds nothing in a ledger that is as it should be, and each thing
// that is not.
func TestVerify(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	server := sharedServer(t)
	for _, tt := range []struct{ name, spoil, says string }{
		{"nothing", "SELECT 1", ""},
		{"a claim is lost", "ALTER TABLE claims DELETE WHERE claim = (SELECT min(claim) FROM claims) SETTINGS mutations_sync = 1", "a name that is taken is missing"},
		{"a claim of nothing", "INSERT INTO claims (claim, fingerprint, epoch) VALUES (unhex('000102030405060708090a0b0c0d0e0f'), 1, 0)", "a name that is taken is not one of an event"},
		{"a fingerprint", "ALTER TABLE claims UPDATE fingerprint = fingerprint + 1 WHERE claim = (SELECT max(claim) FROM claims) SETTINGS mutations_sync = 1", "a name that is taken"},
		{"a repeat of nothing", "INSERT INTO repeats (claim, batch, item, epoch) SELECT claim, batch, item, epoch FROM events LIMIT 1", "a row of a name that came again is not one of an event"},
		{"an increment more", "ALTER TABLE tallies UPDATE increments = increments + 1 WHERE events = (SELECT max(events) FROM tallies) SETTINGS mutations_sync = 1", "is what events make, and missing"},
		{"a tally too many", "INSERT INTO tallies SELECT * REPLACE ('nobody' AS account) FROM tallies LIMIT 1", "is not what events make"},
		{"an amount", "ALTER TABLE records UPDATE total_amount = total_amount + 1 WHERE events > 0 SETTINGS mutations_sync = 1", "its tallies make"},
		{"a record is lost", "ALTER TABLE records DELETE WHERE id = (SELECT min(id) FROM records FINAL WHERE events > 0) SETTINGS mutations_sync = 1", "is missing"},
		{"a record of nothing", "INSERT INTO records SELECT * REPLACE (reverse(id) AS id) FROM records WHERE events > 0 LIMIT 1", "is not what its tallies make"},
		{"a record is not shown", "ALTER TABLE records_by_id DELETE WHERE id = (SELECT min(id) FROM records FINAL WHERE events > 0) SETTINGS mutations_sync = 1", "is not shown as it is"},
		{"a record is shown that is none", "INSERT INTO records_by_id SELECT * REPLACE (reverse(id) AS id) FROM records WHERE events > 0 LIMIT 1", "is shown, and is not there so"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, url := server.database(t)
			s := servers(t, url, 1, clickhousestore.Options{})[0]
			w := storetest.NewWorkload(20, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 3, Months: 3, Lines: 10})
			for range 3 {
				postLoop(t, s, w.Batch(100))
				voidOne(t, s, 0)
			}
			if _, err := s.Verify(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			spoil := table.ReplaceAllString(tt.spoil, "${1}"+name+".$2")
			if err := server.Exec(t.Context(), spoil); err != nil {
				t.Fatal(err)
			}
			report, err := s.Verify(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(report.Differences, "\n"); (report.Found > 0) != (tt.says != "") || !strings.Contains(text, tt.says) {
				t.Errorf("%d differences:\n%s", report.Found, text)
			}
			if report.Events == 0 || report.Records == 0 || report.Bookings != 3 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// wantVerified wants nothing to differ.
func wantVerified(t *testing.T, s *clickhousestore.Store) {
	t.Helper()
	report, err := s.Verify(t.Context(), nil)
	if err != nil || report.Found > 0 {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

// voidOne voids an event of the first record, under the definitions at a position.
func voidOne(t *testing.T, s *clickhousestore.Store, under tollbook.Pos) {
	t.Helper()
	page, err := s.Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: 1})
	if err != nil || len(page.Records) == 0 {
		t.Fatal(len(page.Records), err)
	}
	events, err := s.Events(t.Context(), tollbook.EventQuery{OrganizationID: "acme", Record: page.Records[0].ID, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := &events.Events[0]
	outcomes, err := s.Book(t.Context(), under, []tollbook.Booking{{Event: e, Booked: e.Booked, Void: &tollbook.Void{Reason: "test", Actor: fmt.Sprint(t.Name())}}})
	if err != nil || outcomes[0] != tollbook.Accepted {
		t.Fatal(outcomes, err)
	}
}

// TestVerifyCountsDefinitions: definitions behind which nothing has been counted yet
// are there, too.
func TestVerifyCountsDefinitions(t *testing.T) {
	t.Parallel()
	_, url := sharedServer(t).database(t)
	s := servers(t, url, 1, clickhousestore.Options{})[0]
	if _, err := s.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, Kind: tollbook.KindProduct, ID: "p"}}); err != nil {
		t.Fatal(err)
	}
	if report, err := s.Verify(t.Context(), nil); err != nil || report.Definitions != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
