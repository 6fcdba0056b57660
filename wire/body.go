package wire

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tollbook"
)

// What reading a body may take besides its limit.
const (
	// maxWindow is the most that a zstd frame may look back, which bounds the
	// memory of a decoder.
	maxWindow = 16 << 20
	// packingSlack is how much longer than the limit a compressed body may
	// be: what cannot be compressed grows a little, and a body of empty
	// frames must end at some time.
	packingSlack = 64 << 10
	// readBytes is how much is read at once.
	readBytes = 64 << 10
)

// What is kept from one body to the next: nothing but memory.
var (
	buffers     sync.Pool // of *[]byte
	gzipReaders sync.Pool // of *gzip.Reader
	zstdReaders sync.Pool // of *zstd.Decoder
)

// ReadBody reads a body of at most limit bytes, after decoding it from the
// Content-Encoding "", "identity", "gzip" or "zstd". It never inflates more
// than limit + 1 bytes. length is what the sender says that the body has as it
// was sent, less than 0 where he does not; nothing depends on its being true.
//
// The error is a *tollbook.Error: CodeTooLarge beyond the limit,
// CodeUnsupportedMedia for another encoding, CodeInvalidRequest for data that
// is not of the encoding or where r fails, whose error it then wraps.
func ReadBody(r io.Reader, length int64, contentEncoding string, limit int64) (string, error) {
	src := &source{r: r, left: limit + 1}
	encoding := strings.ToLower(strings.TrimSpace(contentEncoding))
	var body string
	var err error
	switch encoding {
	case "", "identity":
		body, err = readAll(src, length, limit)
	case "gzip", "x-gzip":
		src.left += packingSlack
		body, err = gunzip(src, limit)
	case "zstd":
		src.left += packingSlack
		body, err = unzstd(src, limit)
	default:
		return "", tollbook.NewError(tollbook.CodeUnsupportedMedia,
			"The content encoding is not understood. Bodies are taken as they are, and as gzip or zstd.",
			tollbook.FieldError{Name: "Content-Encoding", Description: quoted(encoding) + " is not understood"})
	}
	return body, bodyError(src, encoding, limit, err)
}

// errTooLarge is that a body exceeds its limit.
var errTooLarge = errors.New("body too large")

// bodyError tells a caller what went wrong with a body.
func bodyError(src *source, encoding string, limit int64, err error) error {
	switch {
	case err == nil:
		return nil
	case src.err != nil:
		return &tollbook.Error{Code: tollbook.CodeInvalidRequest, Message: "The request body could not be read.", Err: src.err,
			Fields: []tollbook.FieldError{{Name: "body", Description: "breaks off"}}}
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return tollbook.NewError(tollbook.CodeTooLarge, "The request body takes too much memory to decompress; nothing was taken.",
			tollbook.FieldError{Name: "body", Description: "needs a zstd window of more than " + strconv.Itoa(maxWindow) + " bytes"})
	case errors.Is(err, errTooLarge) || src.left == 0:
		return tollbook.NewError(tollbook.CodeTooLarge, "The request body is too large; nothing was taken.",
			tollbook.FieldError{Name: "body", Description: "has more than " + strconv.FormatInt(limit, 10) + " bytes, decompressed"})
	}
	return &tollbook.Error{Code: tollbook.CodeInvalidRequest, Message: "The request body cannot be decompressed; nothing was taken.", Err: err,
		Fields: []tollbook.FieldError{{Name: "body", Description: "is not valid " + encoding + " data"}}}
}

// source reads the body as it was sent, up to a bound, and remembers where
// that failed.
type source struct {
	r    io.Reader
	left int64
	err  error // other than io.EOF
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func gunzip(src *source, limit int64) (string, error) {
	z, ok := gzipReaders.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer func() {
		_ = z.Reset(strings.NewReader("")) // lets go of src; that nothing is no gzip is no matter
		gzipReaders.Put(z)
	}()
	if err := z.Reset(src); err != nil {
		if err == io.EOF { // nothing at all is no gzip either
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	return readAll(z, 0, limit)
}

func unzstd(src *source, limit int64) (string, error) {
	z, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		// With a concurrency of 1 a decoder has no goroutines, so one that the
		// pool lets go of need not be closed.
		var err error
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return "", err
		}
	}
	defer func() {
		_ = z.Reset(nil) // lets go of src; nil is never refused
		zstdReaders.Put(z)
	}()
	if err := z.Reset(src); err != nil {
		return "", err
	}
	return readAll(z, 0, limit)
}

// readAll reads up to limit bytes from r, of which about length are expected.
// It reads into a small buffer, which stays in the processor's cache, and
// copies from there into a string of the right size.
func readAll(r io.Reader, length, limit int64) (string, error) {
	p, ok := buffers.Get().(*[]byte)
	if !ok {
		p = new([]byte)
		*p = make([]byte, readBytes)
	}
	defer buffers.Put(p)
	var body strings.Builder
	if length > 0 {
		body.Grow(int(min(length, limit)))
	}
	for {
		left := limit + 1 - int64(body.Len())
		n, err := r.Read((*p)[:min(readBytes, left)])
		body.Write((*p)[:n])
		switch {
		case int64(body.Len()) > limit:
			return "", errTooLarge
		case err == io.EOF:
			return body.String(), nil
		case err != nil:
			return "", err
		}
	}
}
