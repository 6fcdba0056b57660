package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestReplace: a function is replaced where it is, and where something else is
// nothing is changed.
func TestReplace(t *testing.T) {
	const base = 2
	begin := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		f    function
		want []byte // nil: an error
	}{
		{function{address: 3, begins: "0506"}, []byte{0, 1, 2, 3, 4, 0xaa, 0xbb, 0xc3, 8, 9}},
		{function{address: 3, begins: "0507"}, nil},
		{function{address: 7, begins: "0910"}, nil}, // the end is near
		{function{address: 3, begins: "x"}, nil},
	} {
		name := filepath.Join(t.TempDir(), "memory")
		if err := os.WriteFile(name, begin, 0o600); err != nil {
			t.Fatal(err)
		}
		mem, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer mem.Close()
		err = (&library{mem, base}).replace(c.f, 0xaa, 0xbb)
		want := c.want
		if want == nil {
			want = begin
		}
		if got, errRead := os.ReadFile(name); errRead != nil || !bytes.Equal(got, want) || (err == nil) != (c.want != nil) {
			t.Errorf("%v: %x, %v, %v, want %x", c.f, got, err, errRead, want)
		}
	}
}
