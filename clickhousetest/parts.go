package clickhousetest

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/go-faster/city"
)

const (
	// partsEndpoint is in front of the path of the replica that has the part.
	partsEndpoint = "DataPartsExchange:"

	// partsVersion is the version of the protocol that is spoken. It sends all
	// files of a part but notServed, which comes with the next one.
	partsVersion = 9
	notServed    = "invalidated_system_columns.txt"

	// ttlFile has when rows of a part expire. A part without has none.
	ttlFile = "ttl.txt"
	noTTL   = "ttl format version: 1\n{}"

	noUUID = "00000000-0000-0000-0000-000000000000"

	// hashBlock is how many bytes ClickHouse hashes at a time.
	hashBlock = 2048
)

// sendParts stands in for the one listener that this build of the engine does
// not open: the interserver HTTP port, where a replica fetches parts. It asks
// its server where a part is, and sends the files of it. So a server that is
// killed refuses connections, one that is stopped takes them and does not
// answer, and one that has lost a part does not send it. Whatever else there is
// to replication, ClickHouse does.
func (s *Server) sendParts() *http.Server {
	s.tb.Helper()
	listener, err := listenReserved(s.tb.Context(), address(s.partsPort))
	if err != nil {
		s.tb.Fatalf("listen for replicas: %v", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(s.servePart)}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return server
}

// servePart answers POST /?endpoint=DataPartsExchange:REPLICA&part=NAME&…
func (s *Server) servePart(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	replica, ok := strings.CutPrefix(query.Get("endpoint"), partsEndpoint)
	version, err := strconv.Atoi(query.Get("client_protocol_version"))
	if !ok || err != nil || version < partsVersion {
		http.Error(w, "only parts are sent, by version "+strconv.Itoa(partsVersion), http.StatusBadRequest)
		return
	}
	if err := s.awaitHeld(r.Context(), replica, query.Get("part")); err != nil {
		panic(http.ErrAbortHandler)
	}
	p, err := s.openPart(r.Context(), replica, query.Get("part"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer p.close()
	http.SetCookie(w, &http.Cookie{Name: "server_protocol_version", Value: strconv.Itoa(partsVersion)})
	if err := p.send(w); err != nil {
		panic(http.ErrAbortHandler) // the receiver must not take it for whole
	}
}

// Hold has the server send a part of a table, which a replica's path in ZooKeeper
// names, only after release to whoever asks for it from now on: others arrive
// before it, as small parts do before a large one.
func (s *Server) Hold(table, part string) (release func()) {
	key, held := table+" "+part, make(chan struct{})
	s.held.Store(key, held)
	return sync.OnceFunc(func() {
		s.held.Delete(key)
		close(held)
	})
}

// awaitHeld waits while a part of a replica is held.
func (s *Server) awaitHeld(ctx context.Context, replica, part string) error {
	table := path.Base(path.Dir(path.Dir(replica))) // …/table/replicas/name
	held, is := s.held.Load(table + " " + part)
	if !is {
		return nil
	}
	select {
	case <-held.(chan struct{}):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// part is a part whose files are open, so that it can be sent while ClickHouse
// removes it.
type part struct {
	kind        string // Wide or Compact
	ttl         string
	files       []*os.File
	projections []projection
}

type projection struct {
	name  string
	files []*os.File
}

// openPart opens the part of a replica that the server has.
func (s *Server) openPart(ctx context.Context, replica, name string) (*part, error) {
	const find = `SELECT path, part_type FROM system.parts
		WHERE name = {name:String} AND _state IN ('PreActive', 'Active', 'Outdated') AND (database, table) IN
			(SELECT database, table FROM system.replicas WHERE replica_path = {replica:String})`
	params := url.Values{"param_name": {name}, "param_replica": {replica}, "wait_end_of_query": {"1"}}
	row, err := s.request(ctx, http.MethodPost, "/?"+params.Encode(), nil, strings.NewReader(find))
	if err != nil {
		return nil, err
	}
	dir, kind, ok := strings.Cut(row, "\t")
	if !ok {
		return nil, fmt.Errorf("there is no part %s of %s", name, replica)
	}
	p := &part{kind: kind, ttl: noTTL}
	if err := p.open(dir); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// open opens the files of a directory, and of its projections.
func (p *part) open(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name, isProjection := strings.CutSuffix(entry.Name(), ".proj")
		if !isProjection {
			continue
		}
		p.projections = append(p.projections, projection{name: name})
		files := &p.projections[len(p.projections)-1].files
		if err := openFiles(filepath.Join(dir, entry.Name()), files); err != nil {
			return err
		}
	}
	if err := openFiles(dir, &p.files); err != nil {
		return err
	}
	ttl, err := os.ReadFile(filepath.Join(dir, ttlFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	p.ttl = string(ttl)
	return err
}

// openFiles opens the files in a directory, without those in directories of it.
func openFiles(dir string, files *[]*os.File) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || entry.Name() == notServed {
			continue
		}
		f, err := os.Open(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		*files = append(*files, f)
	}
	return nil
}

func (p *part) close() error {
	var errs []error
	for _, f := range p.all() {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func (p *part) all() []*os.File {
	all := p.files
	for _, projection := range p.projections {
		all = append(all[:len(all):len(all)], projection.files...)
	}
	return all
}

// send writes the part: its size, its TTL, its kind, its UUID, the projections,
// and then its own files. Numbers are of 8 bytes, texts have their length in
// front, as a varint.
func (p *part) send(to io.Writer) error {
	var total uint64
	for _, f := range p.all() {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		total += uint64(info.Size())
	}
	w := partWriter{bufio.NewWriterSize(to, 64<<10)}
	w.number(total)
	w.text(p.ttl)
	w.text(p.kind)
	_, _ = w.WriteString(noUUID) // Flush says what went wrong, here and below
	w.number(uint64(len(p.projections)))
	for _, projection := range p.projections {
		w.text(projection.name)
		if err := w.files(projection.files); err != nil {
			return err
		}
	}
	if err := w.files(p.files); err != nil {
		return err
	}
	return w.Flush()
}

// partWriter writes in the encoding of ClickHouse. Its errors stick.
type partWriter struct{ *bufio.Writer }

func (w partWriter) number(n uint64) {
	_, _ = w.Write(binary.LittleEndian.AppendUint64(nil, n))
}

func (w partWriter) text(s string) {
	_, _ = w.Write(binary.AppendUvarint(nil, uint64(len(s))))
	_, _ = w.WriteString(s)
}

// files writes how many there are, and of each its name, size, content and
// hash.
func (w partWriter) files(files []*os.File) error {
	w.number(uint64(len(files)))
	for _, f := range files {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		w.text(info.Name())
		w.number(uint64(info.Size()))
		hash, err := w.content(f, info.Size())
		if err != nil {
			return err
		}
		w.number(hash.Low)
		w.number(hash.High)
	}
	return nil
}

// content writes so many bytes and returns their hash, which is that of the
// last block, seeded with that of the one before it, and so on.
func (w partWriter) content(r io.Reader, size int64) (hash city.U128, err error) {
	block := make([]byte, hashBlock)
	for size > 0 {
		b := block[:min(size, hashBlock)]
		if _, err := io.ReadFull(r, b); err != nil {
			return hash, err
		}
		hash = city.CH128Seed(b, hash)
		if _, err := w.Write(b); err != nil {
			return hash, err
		}
		size -= int64(len(b))
	}
	return hash, nil
}
