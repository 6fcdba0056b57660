// Package webhook signs, sends and verifies messages to a web server that
// somebody else runs, in the form that the Standard Webhooks convention
// describes (standardwebhooks.com), so that its libraries verify them too.
//
// A receiver needs one call:
//
//	id, err := webhook.Verify(secret, r.Header, body, time.Now())
//
// The id is the same however often a message comes, because a message is sent
// until it has been received: whoever has seen it answers 200 and does nothing
// more.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp" // of the attempt, in Unix seconds
	HeaderSignature = "Webhook-Signature" // one or more, with spaces between them
)

const (
	// Tolerance is how far a message's timestamp may be from a receiver's
	// clock: what somebody has overheard is of no use to him later.
	Tolerance = 5 * time.Minute

	secretPrefix     = "whsec_"
	signatureVersion = "v1,"
)

// The reasons for which a message is not what it says it is.
var (
	ErrNoSecret     = errors.New("webhook: the secret is not " + secretPrefix + " and Base64")
	ErrHeaders      = errors.New("webhook: a header of the message is missing or malformed")
	ErrTimestamp    = errors.New("webhook: the message's timestamp is too far from now")
	ErrNotSignature = errors.New("webhook: no signature of the message was made with this secret")
)

// Sign returns the signature of a message: HMAC-SHA256 over id, timestamp and
// body with dots between them.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := secretKey(secret)
	if err != nil {
		return "", err
	}
	return signatureVersion + base64.StdEncoding.EncodeToString(sum(key, id, strconv.FormatInt(at.Unix(), 10), body)), nil
}

func secretKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil, ErrNoSecret
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, ErrNoSecret // the cause might show the secret
	}
	return key, nil
}

func sum(key []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify checks a message that a receiver got: one of its signatures was made
// with the secret, not longer than Tolerance ago. It returns the message's id.
// The time that it takes says nothing about the right signature.
func Verify(secret string, h http.Header, body []byte, now time.Time) (id string, err error) {
	key, err := secretKey(secret)
	if err != nil {
		return "", err
	}
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil || h.Get(HeaderSignature) == "" {
		return "", ErrHeaders
	}
	if age := now.Unix() - seconds; age > int64(Tolerance/time.Second) || age < -int64(Tolerance/time.Second) {
		return "", ErrTimestamp
	}
	want := sum(key, id, timestamp, body)
	for text := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		text, ok := strings.CutPrefix(text, signatureVersion)
		if !ok {
			continue // of a later version
		}
		if got, err := base64.StdEncoding.DecodeString(text); err == nil && hmac.Equal(got, want) {
			return id, nil
		}
	}
	return "", ErrNotSignature
}
