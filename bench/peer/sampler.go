package peer

import (
	"sync"
	"time"
)

// sampler remembers the highest value of something that is looked at again
// and again.
type sampler struct {
	done, ended chan struct{}

	mu   sync.Mutex
	high int64
	err  error
}

const sampleEvery = 250 * time.Millisecond

func sample(value func() (int64, error)) *sampler {
	s := &sampler{done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			v, err := value()
			s.mu.Lock()
			s.high, s.err = max(s.high, v), err
			s.mu.Unlock()
			select {
			case <-tick.C:
			case <-s.done:
				return
			}
		}
	}()
	return s
}

func (s *sampler) highest() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.high, s.err
}

func (s *sampler) stop() {
	close(s.done)
	<-s.ended
}
