package storetest

import "testing"

func Scripts(t *testing.T, newDriver func(t testing.TB) Driver) {}
