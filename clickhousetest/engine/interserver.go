package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"unsafe"
)

// A server tells the other replicas of a table, in ZooKeeper, by which address
// they fetch parts from it. It reads the address from its configuration when it
// starts. ClickHouse in local mode does not read it, and leaves a Replicated
// table readonly for ever: ClickHouse issue 78632. The library has the functions
// that ask for the address, but none that sets it. So these three, of
// DB::Context, are made to answer what a server would answer, in the memory of
// this process:
//
//	std::pair<String, UInt16> getInterserverIOAddress() const;
//	String getInterserverScheme() const;
//	std::shared_ptr<const InterserverCredentials> getInterserverCredentials() const;
//
// A method that returns a string or a pair is called with the address of the
// result in rdi, and returns it in rax; a pointer that shares is returned in
// rax and rdx. A string of 22 bytes at most is in 24 bytes: itself, zeros, and
// its length in the last one.

// function is a function of the library that is replaced.
type function struct {
	address uint64 // as in the file
	begins  string // with these bytes, in hexadecimal
}

// The functions of the one build that package-lock.json names. Its bytes are
// compared before anything is changed: another build is an error here.
var (
	// chdb_query_cmdline, by which the place of the library is known.
	knownAddress uint64 = 0xf211700

	interserverAddress     = function{0x1417c9c0, "4156534883ec484c8b36490fbe8e670100004885c9498b96580100004889c848"}
	interserverScheme      = function{0x1417cac0, "488b0680b88701000000781a480570010000488b4810"}
	interserverCredentials = function{0x1417c940, "41574156534c8b3f498d9f880100004889dfe8"}
)

// noCredentials is an InterserverCredentials: a name and a password, both empty,
// and nothing else.
var noCredentials [256]byte

// setInterserver has ClickHouse tell other servers an address, host:port.
// Known is where chdb_query_cmdline is in memory.
func setInterserver(known uintptr, address string) error {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return err
	}
	hostCode, err1 := returnString(host)
	schemeCode, err2 := returnString("http")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	hostCode = append(hostCode, 0x66, 0xc7, 0x47, 0x18) // mov word ptr [rdi+24], port
	hostCode = binary.LittleEndian.AppendUint16(hostCode, uint16(port))

	credentialsCode := loadRAX(uint64(uintptr(unsafe.Pointer(&noCredentials))))
	credentialsCode = append(credentialsCode, 0x31, 0xd2) // xor edx, edx: shared by nobody

	mem, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer mem.Close()
	base := uint64(known) - knownAddress
	resultAddress := []byte{0x48, 0x89, 0xf8} // mov rax, rdi
	return errors.Join(
		interserverAddress.replace(mem, base, append(hostCode, resultAddress...)),
		interserverScheme.replace(mem, base, append(schemeCode, resultAddress...)),
		interserverCredentials.replace(mem, base, credentialsCode),
	)
}

// returnString is code that makes a short string at rdi.
func returnString(s string) ([]byte, error) {
	var value [24]byte
	if len(s) > len(value)-2 {
		return nil, fmt.Errorf("%q is too long", s)
	}
	copy(value[:], s)
	value[len(value)-1] = byte(len(s))
	var code []byte
	for i := 0; i < len(value); i += 8 {
		code = append(code, loadRAX(binary.LittleEndian.Uint64(value[i:]))...)
		code = append(code, 0x48, 0x89, 0x47, byte(i)) // mov [rdi+i], rax
	}
	return code, nil
}

// loadRAX is mov rax, v.
func loadRAX(v uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x48, 0xb8}, v)
}

// replace writes code and a return over the beginning of the function.
func (f function) replace(mem *os.File, base uint64, code []byte) error {
	want, err := hex.DecodeString(f.begins)
	if err != nil {
		return err
	}
	have := make([]byte, len(want))
	if _, err := mem.ReadAt(have, int64(base+f.address)); err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("at %#x the library has %x: not the build that is known, %x", f.address, have, want)
	}
	const ret = 0xc3
	_, err = mem.WriteAt(append(code, ret), int64(base+f.address))
	return err
}
