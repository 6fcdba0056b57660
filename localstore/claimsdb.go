package localstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// claimsDB is the claims and the drill-down index of all events but the
// newest: a Pebble database without a write-ahead log, to which sorted files
// are added. Its keys:
//
//	'a' "end"                         → position of the log up to which everything is in here
//	'c' claim                         → fingerprint, locator, and for an event kept unrated its tally
//	'e' tally (4), locator (8)        → nothing
//
// Numbers are big-endian so that keys sort by them. A tally of unrated events
// loses its key when the event gets charges.
type claimsDB struct {
	db  *pebble.DB
	fs  vfs.FS
	dir string // for files that are being written
	seq int    // of those
}

const (
	claimKeyBytes = 1 + 16
	indexKeyBytes = 1 + 4 + 8
)

var endKey = []byte("aend")

// openClaimsDB opens the claims database in dir. damaged is told of a file that
// does not check; whatever met it gets an error besides.
func openClaimsDB(fs vfs.FS, dir string, o *Options, damaged func(error)) (*claimsDB, error) {
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref()
	opts := &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                1 << 20, // nothing is written but files
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       64,
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                4096,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      pebbleLogger{o.Logger},
		MemTableStopWritesThreshold: 4,
		EventListener: &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) {
			damaged(fmt.Errorf("%s is damaged; the claims database can be rebuilt from the log: stop, remove %s and start again", info.Path, dir))
		}},
	}
	opts.TargetFileSizes[0] = 16 << 20
	for i := range opts.Levels {
		opts.Levels[i] = pebble.LevelOptions{
			BlockSize:   4 << 10, // a duplicate reads one block
			Compression: func() *sstable.CompressionProfile { return sstable.NoCompression },
		}
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open the claims database (it can be rebuilt from the log: remove %s): %w", dir, err)
	}
	return &claimsDB{db: db, fs: fs, dir: dir}, nil
}

// pebbleLogger sends what Pebble says to the store's log.
type pebbleLogger struct{ *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) { l.Debug(fmt.Sprintf(format, args...)) }
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.Error("claims database: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble can no longer keep what it promised. The log
// has everything, so ending the process loses nothing.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	panic("claims database: " + fmt.Sprintf(format, args...))
}

// end returns the position of the log up to which everything is in here.
func (d *claimsDB) end() (uint64, error) {
	v, closer, err := d.db.Get(endKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, fmt.Errorf("claims database: %w end", errMalformed)
	}
	return binary.BigEndian.Uint64(v), nil
}

// find returns the entry of a claim, and whether it is there.
func (d *claimsDB) find(c *tollbook.Claim) (claimEntry, bool, error) {
	var key [claimKeyBytes]byte
	key[0] = 'c'
	copy(key[1:], c[:])
	v, closer, err := d.db.Get(key[:])
	if errors.Is(err, pebble.ErrNotFound) {
		return claimEntry{}, false, nil
	}
	if err != nil {
		return claimEntry{}, false, err
	}
	defer closer.Close()
	e, err := decodeClaimValue(v)
	e.claim = *c
	return e, err == nil, err
}

func appendClaimValue(dst []byte, e *claimEntry) []byte {
	dst = binary.BigEndian.AppendUint64(dst, e.fingerprint)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.at))
	if e.unrated != noTally {
		dst = binary.BigEndian.AppendUint32(dst, e.unrated)
	}
	return dst
}

func decodeClaimValue(v []byte) (e claimEntry, err error) {
	if len(v) != 16 && len(v) != 20 {
		return e, fmt.Errorf("claims database: %w claim", errMalformed)
	}
	e.fingerprint = binary.BigEndian.Uint64(v)
	e.at = locator(binary.BigEndian.Uint64(v[8:]))
	e.unrated = noTally
	if len(v) == 20 {
		e.unrated = binary.BigEndian.Uint32(v[16:])
	}
	return e, nil
}

func appendIndexKey(dst []byte, tally uint32, at locator) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, 'e'), tally)
	return binary.BigEndian.AppendUint64(dst, uint64(at))
}

// has tells whether the event at a locator is in a tally.
func (d *claimsDB) has(tally uint32, at locator) (bool, error) {
	_, closer, err := d.db.Get(appendIndexKey(nil, tally, at))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, closer.Close()
}

// snapshot returns an iterator over what is in here now.
func (d *claimsDB) snapshot() (*pebble.Iterator, error) { return d.db.NewIter(nil) }

// tallyEvents appends locators of a tally, behind after and before end, in
// order, at most limit.
func tallyEvents(it *pebble.Iterator, dst []locator, tally uint32, after, end locator, limit int) ([]locator, error) {
	if after+1 >= end || limit <= 0 {
		return dst, nil
	}
	it.SetBounds(appendIndexKey(nil, tally, after+1), appendIndexKey(nil, tally, end))
	for ok := it.First(); ok && limit > 0; ok = it.Next() {
		dst = append(dst, indexKeyLocator(it.Key()))
		limit--
	}
	return dst, it.Error()
}

func indexKeyLocator(key []byte) locator { return locator(binary.BigEndian.Uint64(key[5:])) }

// add writes a table to a sorted file and adds that to the database, durably.
// Everything before end is in here then. The table is not changed.
func (d *claimsDB) add(t *table, end uint64) error {
	d.seq++
	path := d.fs.PathJoin(d.dir, fmt.Sprintf("new-%d.sst", d.seq))
	f, err := d.fs.Create(path, writeCategory)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), sstable.WriterOptions{
		TableFormat: d.db.TableFormat(),
		BlockSize:   4 << 10,
		Compression: sstable.NoCompression,
	})
	if err := errors.Join(writeTable(w, t, end), w.Close()); err != nil {
		return errors.Join(err, d.fs.Remove(path))
	}
	return d.db.Ingest(context.Background(), []string{path})
}

func writeTable(w *sstable.Writer, t *table, end uint64) error {
	if err := w.Set(endKey, binary.BigEndian.AppendUint64(nil, end)); err != nil {
		return err
	}
	claims := slices.Clone(t.claims)
	slices.SortFunc(claims, func(a, b claimEntry) int { return bytes.Compare(a.claim[:], b.claim[:]) })
	var key, value []byte
	for i := range claims {
		key = append(append(key[:0], 'c'), claims[i].claim[:]...)
		value = appendClaimValue(value[:0], &claims[i])
		if err := w.Set(key, value); err != nil {
			return err
		}
	}
	return writeIndex(w, t)
}

// writeIndex writes the drill-down index of a table. An unrated event that
// has got charges is deleted whether it came before or in this table.
func writeIndex(w *sstable.Writer, t *table) error {
	type entry struct {
		indexed
		gone bool
	}
	all := make([]entry, 0, len(t.events)+len(t.unrated)+len(t.taken))
	for _, e := range t.events {
		all = append(all, entry{e, false})
	}
	for _, e := range t.unrated {
		if _, gone := t.taken[e.at]; !gone {
			all = append(all, entry{e, false})
		}
	}
	for at, tally := range t.taken {
		all = append(all, entry{indexed{at, tally}, true})
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.tally, b.tally), cmp.Compare(a.at, b.at))
	})
	var key []byte
	for i := range all {
		key = appendIndexKey(key[:0], all[i].tally, all[i].at)
		var err error
		if all[i].gone {
			err = w.Delete(key)
		} else {
			err = w.Set(key, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// filterStep is how many claims are read between two looks at the context.
const filterStep = 1 << 14

// filter returns a filter over all claims in here.
func (d *claimsDB) filter(ctx context.Context) (*bloom, error) {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'c'}, UpperBound: []byte{'d'}})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	b := newBloom(0)
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%filterStep == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c := tollbook.Claim(it.Key()[1:])
		b.add(&c)
	}
	return b, it.Error()
}

func (d *claimsDB) close() error { return d.db.Close() }
