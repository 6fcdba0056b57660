package wire_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tollbook"
	"tollbook/wire"
)

// pack compresses a body for a Content-Encoding.
func pack(t testing.TB, encoding, body string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1)); err != nil {
			t.Fatal(err)
		}
	default:
		return body
	}
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var encodings = []string{"", "identity", "gzip", "x-gzip", "zstd"}

func TestReadBody(t *testing.T) {
	const limit = 1 << 20
	random := make([]byte, limit)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random)
	for _, encoding := range encodings {
		for _, body := range []string{"", "{}", strings.Repeat("event ", 100_000), string(random)} {
			packed := pack(t, encoding, body)
			for _, length := range []int64{-1, 0, 1, int64(len(packed)), 1 << 62} { // what is said is not believed
				r := iotest.OneByteReader(strings.NewReader(packed))
				if len(body) > 1000 {
					r = strings.NewReader(packed)
				}
				got, err := wire.ReadBody(r, length, " "+strings.ToUpper(encoding), limit)
				if err != nil || got != body {
					t.Errorf("%q: %d of %d bytes, %v", encoding, len(got), len(body), err)
				}
			}
		}
	}
}

func TestReadBodyTooLarge(t *testing.T) {
	const limit = 1000
	for _, encoding := range encodings {
		for _, n := range []int{limit, limit + 1, 50 << 20} {
			packed := pack(t, encoding, strings.Repeat(" ", n))
			got, err := wire.ReadBody(strings.NewReader(packed), -1, encoding, limit)
			if n == limit {
				if err != nil || len(got) != n {
					t.Errorf("%q: %d bytes, %v", encoding, len(got), err)
				}
			} else if got != "" || tollbook.CodeOf(err) != tollbook.CodeTooLarge || !strings.Contains(err.Error(), "body") {
				t.Errorf("%q: %d bytes of %d, %v", encoding, len(got), n, err)
			}
		}
	}
}

// TestReadBodyEndless checks that members without any content come to an end.
func TestReadBodyEndless(t *testing.T) {
	for _, encoding := range []string{"gzip", "zstd"} {
		member := pack(t, encoding, "")
		if encoding == "zstd" {
			member = "\x50\x2a\x4d\x18\x04\x00\x00\x00skip" // a skippable frame
		}
		r := &endless{member: member}
		_, err := wire.ReadBody(r, -1, encoding, 1000)
		if tollbook.CodeOf(err) != tollbook.CodeTooLarge {
			t.Errorf("%s: %v", encoding, err)
		}
		if r.n > 1<<20 {
			t.Errorf("%s: %d bytes were read", encoding, r.n)
		}
	}
}

// endless reads as a text repeated for ever.
type endless struct {
	member string
	n      int
}

func (r *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.member[r.n%len(r.member)]
		r.n++
	}
	return len(p), nil
}

func TestReadBodyWindow(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a flush keeps the encoder from seeing how short the body is
		_, _ = io.WriteString(w, "{}")
		_ = w.Flush()
	}
	_ = w.Close()
	_, err = wire.ReadBody(&b, -1, "zstd", 1000)
	if tollbook.CodeOf(err) != tollbook.CodeTooLarge || !strings.Contains(err.Error(), "window") {
		t.Fatal(err)
	}
}

func TestReadBodyCorrupt(t *testing.T) {
	for _, encoding := range []string{"gzip", "zstd"} {
		good := pack(t, encoding, strings.Repeat("event ", 1000))
		flipped := []byte(good)
		flipped[len(flipped)/2] ^= 0x10
		for name, body := range map[string]string{
			"cut off": good[:len(good)-3], "flipped": string(flipped), "not packed": "{}", "more behind": good + "{}",
		} {
			got, err := wire.ReadBody(strings.NewReader(body), -1, encoding, 1<<20)
			if got != "" || tollbook.CodeOf(err) != tollbook.CodeInvalidRequest || !strings.Contains(err.Error(), "is not valid "+encoding+" data") {
				t.Errorf("%s, %s: %v", encoding, name, err)
			}
		}
	}
	if _, err := wire.ReadBody(strings.NewReader(""), -1, "gzip", 10); tollbook.CodeOf(err) != tollbook.CodeInvalidRequest {
		t.Errorf("nothing as gzip: %v", err)
	}
}

func TestReadBodyUnknownEncoding(t *testing.T) {
	for _, encoding := range []string{"br", "gzip, gzip", "deflate"} {
		_, err := wire.ReadBody(strings.NewReader("{}"), -1, encoding, 10)
		if tollbook.CodeOf(err) != tollbook.CodeUnsupportedMedia || !strings.Contains(err.Error(), "Content-Encoding") {
			t.Errorf("%s: %v", encoding, err)
		}
	}
}

// TestReadBodyBreaksOff checks that a reader's own error is told apart from
// bad data, and that the error can be found.
func TestReadBodyBreaksOff(t *testing.T) {
	broken := errors.New("connection reset")
	for _, encoding := range encodings {
		packed := pack(t, encoding, strings.Repeat("event ", 1000))
		r := io.MultiReader(strings.NewReader(packed[:len(packed)/2]), iotest.ErrReader(broken))
		got, err := wire.ReadBody(r, -1, encoding, 1<<20)
		if got != "" || tollbook.CodeOf(err) != tollbook.CodeInvalidRequest || !errors.Is(err, broken) {
			t.Errorf("%q: %v", encoding, err)
		}
	}
}

// TestReadBodyConcurrently checks that what is used again is used by one at a
// time.
func TestReadBodyConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 4 {
		encoding := encodings[1+i]
		body := strings.Repeat(string(rune('a'+i)), 10_000)
		packed := pack(t, encoding, body)
		wg.Go(func() {
			for n := range 50 {
				in, want := packed, body
				if n%5 == 4 {
					in, want = packed[:len(packed)/2], ""
				}
				got, err := wire.ReadBody(strings.NewReader(in), -1, encoding, 1<<20)
				if encoding == "identity" && want == "" {
					want, err = body[:len(body)/2], errors.New("half of it is all there is")
				}
				if got != want || (err == nil) != (n%5 != 4) {
					t.Errorf("%s: %d bytes, %v", encoding, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
