package book

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"time"

	"tollbook"
	"tollbook/webhook"
)

// Webhooks is how receivers are told of alerts. The key is what the alerts'
// secrets are worked out from: the definitions hold only hashes of these.
type Webhooks struct {
	Key      webhook.Key
	CheckURL func(url string) error // tells why a receiver may not have that URL
	Send     func(context.Context, webhook.Message) webhook.Answer
}

func errNoWebhooks() error {
	return tollbook.NewError(tollbook.CodeUnavailable, "This server sends no webhooks.")
}

func (w *Webhooks) secret(a *tollbook.Alert, generation int) string {
	return w.Key.Secret("alert "+a.ID, generation)
}

func secretHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

var errOtherKey = errors.New("not sent: the server's webhook key is not the one that the alert's secret was made from; rotate the secret")

// secrets returns what a message of an alert is signed with: its secret and,
// for a day after it was rotated, the one before.
func (w *Webhooks) secrets(a *tollbook.Alert, now time.Time) ([]string, error) {
	secrets := []string{w.secret(a, a.Generation)}
	if subtle.ConstantTimeCompare(secretHash(secrets[0]), a.SecretHash) != 1 {
		return nil, errOtherKey
	}
	if a.RotatedAt != nil && now.Before(a.RotatedAt.Add(oldSecretTime)) {
		secrets = append(secrets, w.secret(a, a.Generation-1))
	}
	return secrets, nil
}

// TestAnswer is what came of a test of an alert's receiver.
type TestAnswer struct {
	ID       string  `json:"id"` // of the message
	Received bool    `json:"received"`
	Status   *int    `json:"status"` // of HTTP; null: no answer came
	Error    *string `json:"error"`  // null: it was received
}

// TestAlert sends an alert's receiver a message that says it is a test, once,
// and returns what came of it. Errors: CodeNotFound; CodeUnavailable where no
// webhooks are sent.
func (op *Operator) TestAlert(ctx context.Context, id string) (TestAnswer, error) {
	b := op.book
	if b.opt.Webhooks.Send == nil {
		return TestAnswer{}, errNoWebhooks()
	}
	a, err := op.liveAlert(id)
	if err != nil {
		return TestAnswer{}, err
	}
	var random [16]byte
	if _, err := io.ReadFull(b.opt.Rand, random[:]); err != nil {
		return TestAnswer{}, err
	}
	now := b.opt.Clock().UTC()
	like := reading{value: a.Threshold}
	like.account = orEmpty(a.AccountID)
	if a.Kind != tollbook.AlertWalletBalance {
		like.month = tollbook.MonthOf(now)
	}
	sample := firingOf(&a, &like, now)
	sample.ID = tollbook.RecordID(random).String()
	t := TestAnswer{ID: sample.ID}
	answer := b.send(ctx, &a, "alert.test", &sample, now)
	if err := ctx.Err(); err != nil {
		return TestAnswer{}, err
	}
	if answer.Status != 0 {
		t.Status = &answer.Status
	}
	if t.Received = answer.Received(); !t.Received {
		why := printable(answer.Err.Error())
		t.Error = &why
	}
	return t, nil
}
