-- Who does what only one server is to do, and until when. A row is appended
-- behind the last one of its name by compare-and-swap, as the log is; the last
-- one is all that counts.
CREATE TABLE IF NOT EXISTS leases (
    name   String,
    number UInt64,
    holder FixedString(16),
    term   UInt64 COMMENT 'the number with which the holder got it from somebody else',
    until  DateTime64(6, 'UTC'),
    nonce  UInt64
) ENGINE = ReplacingMergeTree(number) ORDER BY name
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
