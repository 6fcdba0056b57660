//go:build unix

package bloom

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// allocate returns n > 0 zero bytes that are no part of the heap, and what
// gives them back; they must not be used from then on.
func allocate(n int) ([]byte, func(), error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("take %d bytes of memory: %w", n, err)
	}
	return b, func() { _ = unix.Munmap(b) }, nil // it was mapped just so
}
