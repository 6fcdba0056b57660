package webhook

import "time"

// How a message is sent again: soon at first, then at ever longer intervals,
// until a day after the first attempt.
const (
	firstDelay = 10 * time.Second
	delayGrows = 3 // times as long after each attempt
	longest    = 4 * time.Hour

	// GiveUpAfter is how long after its first attempt the last attempt to send
	// a message may be.
	GiveUpAfter = 24 * time.Hour
)

// Delay returns how long to wait after the n-th attempt, from 1, before the
// next one. It is up to a quarter shorter or longer as random says, which is
// drawn anew each time, so that those that failed together do not come back
// together.
func Delay(attempt int, random uint32) time.Duration {
	d := firstDelay
	for ; attempt > 1 && d < longest; attempt-- {
		d *= delayGrows
	}
	d = min(d, longest)
	return d*3/4 + d/2>>16*time.Duration(random>>16)
}

// Next returns when to try again after the n-th attempt, which was at last,
// the first having been at first. false: the message is given up.
func Next(first, last time.Time, attempt int, random uint32) (time.Time, bool) {
	at := last.Add(Delay(attempt, random))
	return at, !at.After(first.Add(GiveUpAfter))
}
