package clickhousestore_test

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "the server that tests share:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}
