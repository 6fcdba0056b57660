package localstore

const (
	slabBits = 12
	slabSize = 1 << slabBits
)

// slab is a growing array of pointer-free values that never moves them: a
// copy of the slab sees what was there when it was made, while the original
// grows.
type slab[T any] struct {
	chunks []*[slabSize]T
	n      uint32
}

func (s *slab[T]) len() int { return int(s.n) }

// at returns the i-th value, which must exist.
func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>slabBits][i&(slabSize-1)] }

// add appends v and returns its number.
func (s *slab[T]) add(v T) uint32 {
	if s.n&(slabSize-1) == 0 {
		s.chunks = append(s.chunks, new([slabSize]T))
	}
	i := s.n
	s.n++
	*s.at(i) = v
	return i
}

// clone returns a slab with copies of all values.
func (s *slab[T]) clone() slab[T] {
	c := slab[T]{chunks: make([]*[slabSize]T, len(s.chunks)), n: s.n}
	for i, chunk := range s.chunks {
		copied := *chunk
		c.chunks[i] = &copied
	}
	return c
}
