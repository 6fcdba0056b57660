package main

import (
	"bytes"
	"testing"
)

func TestReturnString(t *testing.T) {
	if code, err := returnString("127.0.0.1"); err != nil || len(code) != 42 || !bytes.Contains(code, []byte("127.0.0.")) {
		t.Errorf("%x, %v", code, err)
	}
	if _, err := returnString("a name of 23 characters"); err == nil {
		t.Error("a string is taken that does not fit")
	}
}
