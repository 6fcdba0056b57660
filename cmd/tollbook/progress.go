package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressEvery is how often progress is told where there is no terminal.
const progressEvery = 5 * time.Second

// progress shows how far something is: as a bar on a terminal, elsewhere as a
// line now and then. It is not for concurrent use.
type progress struct {
	what  string
	total int64 // -1: not known
	bytes bool  // what is counted
	out   io.Writer
	now   func() time.Time
	told  time.Time
	bar   *progressbar.ProgressBar // nil: no terminal
}

// newProgress starts showing. total is -1 where it is not known.
func (a *app) newProgress(what string, total int64, bytes bool) *progress {
	p := &progress{what: what, total: total, bytes: bytes, out: a.stderr, now: a.now, told: a.now()}
	if isTerminal(a.stderr) && a.env["TERM"] != "dumb" {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(bytes),
			progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true),
		)
	}
	return p
}

// set says how far it is.
func (p *progress) set(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
		return
	}
	if now := p.now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		fmt.Fprintf(p.out, "%s: %s\n", p.what, p.text(done))
	}
}

func (p *progress) text(done int64) string {
	amount := grouped(int(done))
	if p.bytes {
		amount = fmt.Sprintf("%d MB", done/1_000_000)
	}
	if p.total > 0 {
		return fmt.Sprintf("%s, %d%%", amount, done*100/p.total)
	}
	return amount
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
