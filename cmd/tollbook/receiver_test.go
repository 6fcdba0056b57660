package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tollbook/webhook"
)

// hook is a web server that takes messages.
type hook struct {
	messages chan hookMessage
}

type hookMessage struct {
	header http.Header
	body   []byte
}

// hooks holds the receivers of the scripts that run, by their directories.
var hooks sync.Map

// scriptReceive is "receive [STATUS]": it starts a receiver that answers with
// the status, 204 unless given, and sets RECEIVER to its URL.
func scriptReceive(ts *testscript.TestScript, _ bool, args []string) {
	status := http.StatusNoContent
	if len(args) > 0 {
		var err error
		status, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	h := &hook{messages: make(chan hookMessage, 100)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.messages <- hookMessage{r.Header, body}
		w.WriteHeader(status)
	}))
	ts.Defer(srv.Close)
	hooks.Store(ts.Getenv("WORK"), h)
	ts.Setenv("RECEIVER", srv.URL+"/hook")
}

// scriptReceived is "[!] received FILE [TEXT]": it waits for the next message,
// or the next one that has a text in it, checks that it was signed with the
// secret in the JSON file, and prints its body.
func scriptReceived(ts *testscript.TestScript, neg bool, args []string) {
	var alert struct{ Secret string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &alert))
	h, ok := hooks.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no receiver")
	}
	for timeout := time.After(time.Minute); ; {
		select {
		case m := <-h.(*hook).messages:
			if len(args) > 1 && !strings.Contains(string(m.body), args[1]) {
				continue
			}
			checkMessage(ts, neg, alert.Secret, m)
			return
		case <-timeout:
			ts.Fatalf("no message came")
		}
	}
}

// checkMessage prints a message that verifies, or with neg does not.
func checkMessage(ts *testscript.TestScript, neg bool, secret string, m hookMessage) {
	id, err := webhook.Verify(secret, m.header, m.body, time.Now())
	if (err == nil) == neg {
		ts.Fatalf("verified: %v", err)
	}
	var told struct {
		Data struct{ ID string }
	}
	ts.Check(json.Unmarshal(m.body, &told))
	if !neg && id != told.Data.ID {
		ts.Fatalf("the message %s says that it is %s", id, told.Data.ID)
	}
	_, err = ts.Stdout().Write(m.body)
	ts.Check(err)
}

// scriptAwait is "await PATTERN PROGRAM ARGS": it runs the program again and
// again until its output matches.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN PROGRAM ARGS")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for range 1000 {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("the output never matched")
}
