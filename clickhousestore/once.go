package clickhousestore

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// Once implements tollbook.Ledger. Of those who insert a key ClickHouse takes
// the first, for the key is the token of the block, and who comes much later sees
// the row.
func (s *Store) Once(ctx context.Context, key [16]byte, until time.Time) (bool, error) {
	literal := key16(key)
	count := uint64(0)
	if err := s.one(ctx, fmt.Sprintf("SELECT count() FROM once WHERE key = %s", literal), &count); err != nil || count > 0 {
		return false, unavailable(err)
	}
	// DateTime ends in 2106; who asks for longer has it until then.
	const last = 1<<32 - 2*24*60*60
	mine, err := s.random()
	if err != nil {
		return false, err
	}
	var nonce uint64
	err = s.first(ctx, &placed{
		token: hex.EncodeToString(key[:]),
		insert: fmt.Sprintf(`INSERT INTO once SELECT %[1]s, greatest(toDateTime(%[2]d, 'UTC'), now('UTC')), toUInt64(%[3]d) AS nonce
			WHERE throwIf((SELECT count() FROM once WHERE key = %[1]s) > 0, '%[4]s') = 0 ORDER BY nonce`, literal, min(max(until.Unix()+1, 0), last), mine, overtaken),
		look: fmt.Sprintf("SELECT nonce FROM once WHERE key = %s LIMIT 1", literal),
	}, &nonce)
	if isOvertaken(err) {
		return false, nil
	}
	return nonce == mine && err == nil, unavailable(err)
}
