//go:build !race

package peer

import (
	"os"
	"path/filepath"
	"testing"

	"tollbook"
	"tollbook/bench/duty"
)

// poster posts a batch in some way.
type poster func(b batch) (duty.Outcome, error)

// TestDuplicateAndConflict: every database tells an event that it knows from
// one that has only its name, also within a batch, and counts neither.
func TestDuplicateAndConflict(t *testing.T) {
	for name, post := range map[string]poster{"sqlite": storePoster(t, openSQLite), "duckdb": storePoster(t, openDuckDB)} {
		t.Run(name, func(t *testing.T) { testPoster(t, post, 0) })
	}
	t.Run("postgres", func(t *testing.T) {
		p := openPostgres(t)
		for i, size := range []int{copyFrom, 2, 1} { // in each way that it is sent batches
			testPoster(t, func(b batch) (duty.Outcome, error) {
				s, err := p.session(t.Context())
				if err != nil {
					return duty.Outcome{}, err
				}
				return send(t.Context(), []pgBatch{p.pack(b, size)}, []*pgSession{s})
			}, uint64(10*i))
		}
	})
}

// testPoster posts events from first on.
func testPoster(t *testing.T, post poster, first uint64) {
	t.Helper()
	m := newMaker(small())
	row := func(n uint64) batch { return m.batch(first+n, first+n+1) }
	changed := func(n uint64) batch {
		b := row(n)
		b.rows[0].Fingerprint++
		return b
	}
	for _, step := range []struct {
		what string
		b    batch
		want duty.Outcome
	}{
		{"fresh", row(0), duty.Outcome{Accepted: 1}},
		{"again", row(0), duty.Outcome{Duplicate: 1}},
		{"changed", changed(0), duty.Outcome{Conflict: 1}},
		{"the first still counts", row(0), duty.Outcome{Duplicate: 1}},
		{"another", row(1), duty.Outcome{Accepted: 1}},
	} {
		if got, err := post(step.b); err != nil || got != step.want {
			t.Fatalf("%s: %+v, %v; want %+v", step.what, got, err, step.want)
		}
	}
}

func storePoster(t *testing.T, open func(string, tollbook.Month) (store, error)) poster {
	t.Helper()
	s, err := open(t.TempDir(), small().Month)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return func(b batch) (duty.Outcome, error) { return s.post(&b) }
}

func openPostgres(t *testing.T) *Postgres {
	t.Helper()
	if _, err := PostgresPrograms(); err != nil {
		t.Skip(err) // the small run puts it on the list of what was not run
	}
	dir := t.TempDir()
	for d := dir; d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) { // the server's user has to get through
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	p, err := OpenPostgres(t.Context(), small(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
