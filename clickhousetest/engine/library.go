package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
)

// What ClickHouse does otherwise in its local mode than as a server, and has no
// setting for, is changed in the memory of this process: functions of the one build
// that package-lock.json names. Its bytes are compared before anything is changed:
// another build is an error here.

// knownAddress is where chdb_query_cmdline is in the file. By where it is in memory
// the place of the library is known.
const knownAddress uint64 = 0xf211700

// function is a function of the library that is replaced.
type function struct {
	address uint64 // as in the file
	begins  string // with these bytes, in hexadecimal
}

// library is the memory of this process, and where the library lies in it.
type library struct {
	memory *os.File
	base   uint64
}

// openLibrary opens the memory for change. Known is where chdb_query_cmdline is in
// it.
func openLibrary(known uintptr) (*library, error) {
	mem, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &library{mem, uint64(known) - knownAddress}, nil
}

func (l *library) close() error { return l.memory.Close() }

// replace writes code and a return over the beginning of the function.
func (l *library) replace(f function, code ...byte) error {
	want, err := hex.DecodeString(f.begins)
	if err != nil {
		return err
	}
	have := make([]byte, len(want))
	if _, err := l.memory.ReadAt(have, int64(l.base+f.address)); err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("at %#x the library has %x: not the build that is known, %x", f.address, have, want)
	}
	const ret = 0xc3
	_, err = l.memory.WriteAt(append(code, ret), int64(l.base+f.address))
	return err
}

// killingErrorHandler is what handles the errors that end a connection, as where a
// client resets it: all three methods of the class of that name in
// DB::LocalServer::startServers. It ends the process; a server has logged the error
// and goes on.
var killingErrorHandler = function{0xf113480, "50e8fa66e211"}

// goOn has ClickHouse go on after an error that ends a connection.
func (l *library) goOn() error { return l.replace(killingErrorHandler) }
