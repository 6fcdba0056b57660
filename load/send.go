package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tollbook/client"
)

// Pauses before a batch is repeated: where the server said to wait but not
// how long, and after a connection broke, twice as long each time.
const (
	usualPause   = time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// Connect returns a client for a Sender: it keeps as many connections open as
// are told and makes one attempt of each request, for the Sender counts them.
// The configuration's HTTPClient is not used.
func Connect(cfg client.Config, connections int) (*client.Client, error) {
	cfg.Attempts = 1
	cfg.HTTPClient = &http.Client{
		Timeout: client.DefaultTimeout,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			MaxIdleConnsPerHost: connections,
			DisableCompression:  true,
		},
	}
	return client.New(cfg)
}

// send posts a body until it is taken and returns its receipt, and whether it
// had to be repeated.
func (r *run) send(ctx context.Context, body []byte) (counts Counts, repeated bool, err error) {
	request := client.Request{Method: http.MethodPost, Path: "/v1/events", ContentType: client.TypeJSON, Body: body}
	last := r.Now().Add(r.Patience)
	broken := firstPause
	for {
		resp, err := r.Client.Do(ctx, request)
		if err == nil {
			counts, err = readReceipt(resp.Body)
			return counts, repeated, err
		}
		if ctx.Err() != nil {
			return counts, repeated, err
		}
		repeated = true
		pause := broken
		switch refused := refusal(err); refused.Status {
		case noAnswer, http.StatusBadGateway, http.StatusGatewayTimeout: // the latter two from a proxy that got none
			broken = min(2*broken, longestPause)
			r.count(&r.result.Broken)
		case http.StatusTooManyRequests:
			pause = waitOf(refused)
			r.count(&r.result.Busy)
		case http.StatusServiceUnavailable:
			pause = waitOf(refused)
			r.count(&r.result.Down)
		default:
			return counts, repeated, err
		}
		if r.Now().Add(pause).After(last) {
			return counts, repeated, err
		}
		if ended := r.Sleep(ctx, pause); ended != nil {
			return counts, repeated, fmt.Errorf("%w while waiting to repeat a request that failed: %w", ended, err)
		}
	}
}

// noAnswer is the status of a request that got none.
const noAnswer = 0

func refusal(err error) *client.Error {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused
	}
	return &client.Error{Status: noAnswer}
}

// waitOf returns how long the server asked to wait.
func waitOf(e *client.Error) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return usualPause
}

func (r *run) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

// readReceipt reads the five numbers of a receipt. Of a batch that was there
// already the results are megabytes, of no use here and behind the numbers.
func readReceipt(body []byte) (Counts, error) {
	var c Counts
	missing := map[string]*int{
		"accepted": &c.Accepted, "duplicate": &c.Duplicate, "conflict": &c.Conflict, "rejected": &c.Rejected, "unrated": &c.Unrated,
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	_, err := dec.Token() // {
	for err == nil && len(missing) > 0 && dec.More() {
		var name json.Token
		if name, err = dec.Token(); err != nil {
			break
		}
		key, _ := name.(string)
		into := any(new(json.RawMessage))
		if n := missing[key]; n != nil {
			into = n
			delete(missing, key)
		}
		err = dec.Decode(into)
	}
	if err == nil && len(missing) > 0 {
		err = errors.New("a number is missing")
	}
	if err != nil {
		return c, fmt.Errorf("the answer is no receipt: %w: %.100q", err, body)
	}
	return c, nil
}
