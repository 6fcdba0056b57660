package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"unsafe"
)

// A server tells the other replicas of a table, in ZooKeeper, by which address
// they fetch parts from it. It reads the address from its configuration when it
// starts. ClickHouse in local mode does not read it, and leaves a Replicated
// table readonly for ever: ClickHouse issue 78632. The library has the functions
// that ask for the address, but none that sets it. So these three, of
// DB::Context, are made to answer what a server would answer:
//
//	std::pair<String, UInt16> getInterserverIOAddress() const;
//	String getInterserverScheme() const;
//	std::shared_ptr<const InterserverCredentials> getInterserverCredentials() const;
//
// A method that returns a string or a pair is called with the address of the
// result in rdi, and returns it in rax; a pointer that shares is returned in
// rax and rdx. A string of 22 bytes at most is in 24 bytes: itself, zeros, and
// its length in the last one.

var (
	interserverAddress     = function{0x1417c9c0, "4156534883ec484c8b36490fbe8e670100004885c9498b96580100004889c848"}
	interserverScheme      = function{0x1417cac0, "488b0680b88701000000781a480570010000488b4810"}
	interserverCredentials = function{0x1417c940, "41574156534c8b3f498d9f880100004889dfe8"}
)

// noCredentials is an InterserverCredentials: a name and a password, both empty,
// and nothing else.
var noCredentials [256]byte

// setInterserver has ClickHouse tell other servers an address, host:port.
func (l *library) setInterserver(address string) error {
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

	resultAddress := []byte{0x48, 0x89, 0xf8} // mov rax, rdi
	return errors.Join(
		l.replace(interserverAddress, append(hostCode, resultAddress...)...),
		l.replace(interserverScheme, append(schemeCode, resultAddress...)...),
		l.replace(interserverCredentials, credentialsCode...),
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
