package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"tollbook/bench/duty"
	"tollbook/client"
)

// Import runs 'tollbook import events' on a file.
func (s *Server) Import(ctx context.Context, file string) (duty.Outcome, error) {
	cmd := s.command(ctx, "import", "events", file, "--url", s.nodes[0].url, "--output", "json")
	cmd.Env = append(cmd.Env, "TOLLBOOK_CLIENT_ID="+s.cred.ClientID, "TOLLBOOK_CLIENT_SECRET="+s.cred.ClientSecret)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	text, err := cmd.Output()
	if err != nil {
		return duty.Outcome{}, fmt.Errorf("tollbook import: %w: %s", err, complaints.String())
	}
	var r client.Receipt
	if err := json.Unmarshal(text, &r); err != nil {
		return duty.Outcome{}, err
	}
	return outcomeOf(&r), nil
}

// outcomeOf returns what a receipt says.
func outcomeOf(r *client.Receipt) duty.Outcome {
	return duty.Outcome{Accepted: r.Accepted, Duplicate: r.Duplicate, Conflict: r.Conflict, Refused: r.Rejected + r.Unrated}
}
