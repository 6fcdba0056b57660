-- What was written down. Everything else follows from these four tables.

-- The log: definitions, and the cuts that end an epoch, in one order. A row is
-- appended behind the last one by compare-and-swap: the position is the token
-- by which a block is inserted once.
CREATE TABLE IF NOT EXISTS log (
    pos        UInt64,
    head       UInt64 COMMENT 'position of the last definition up to here',
    kind       UInt8 COMMENT '0: a cut; else tollbook.Kind',
    request_id FixedString(16),
    at         String,
    actor      String,
    id         String,
    body       String CODEC(ZSTD(3)),
    inserted   DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'),
    INDEX request request_id TYPE bloom_filter GRANULARITY 1
) ENGINE = MergeTree ORDER BY pos
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Events as they came. The epoch is the position of the log when a row was
-- written. Two servers may write one event at the same time: of rows with one
-- claim the first by (epoch, batch, item) counts.
CREATE TABLE IF NOT EXISTS events (
    organization LowCardinality(String),
    account      String,
    booked       Int32,
    home         Int32,
    claim        FixedString(16) CODEC(NONE),
    fingerprint  UInt64 CODEC(NONE),
    lines        Array(FixedString(16)) COMMENT 'all zero: unrated',
    increments   Array(Int128),
    counts       Array(UInt8) COMMENT '1 where the charge makes the event one of its record',
    unrated      UInt8,
    rate_card    LowCardinality(String),
    rate_version UInt32,
    rate_row     UInt32,
    rate_prefix  String,
    normal       String CODEC(ZSTD(1)),
    cloudevent   LowCardinality(String),
    batch        UInt64,
    item         UInt32,
    looked       UInt64 COMMENT 'the claims of all epochs before this one had been looked up',
    epoch        UInt64,
    INDEX epochs epoch TYPE minmax GRANULARITY 1
) ENGINE = MergeTree ORDER BY (organization, account, booked, claim)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Corrections, in one order: all of a seq are there or none.
CREATE TABLE IF NOT EXISTS bookings (
    organization   LowCardinality(String),
    account        String,
    booked         Int32,
    home           Int32,
    claim          FixedString(16),
    seq            UInt64,
    item           UInt32,
    lines          Array(FixedString(16)),
    increments     Array(Int128),
    counts         Array(UInt8),
    unrated        UInt8,
    rate_card      LowCardinality(String),
    rate_version   UInt32,
    rate_row       UInt32,
    rate_prefix    String,
    normal         String CODEC(ZSTD(1)),
    cloudevent     LowCardinality(String),
    was_booked     Int32 COMMENT 'what the word before counted; nothing is taken back by one that adjusts',
    was_lines      Array(FixedString(16)),
    was_increments Array(Int128),
    was_counts     Array(UInt8),
    voided         UInt8,
    adjusts        UInt8,
    void_reason    String,
    void_actor     String,
    void_at        String,
    void_source    String,
    void_id        String,
    stands_for     FixedString(16) COMMENT 'claim of the event that replaces it; all zero: none',
    came           UInt64 COMMENT 'names the row of events that is corrected',
    writer         UInt64,
    epoch          UInt64,
    INDEX epochs epoch TYPE minmax GRANULARITY 1,
    INDEX standing stands_for TYPE bloom_filter GRANULARITY 1,
    PROJECTION by_claim (SELECT claim, seq, item, voided, adjusts, organization, account, booked ORDER BY claim)
) ENGINE = MergeTree ORDER BY (organization, account, booked, claim, seq)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Lines by their key, which is a hash of what they say.
CREATE TABLE IF NOT EXISTS lines (
    key     FixedString(16),
    content String
) ENGINE = ReplacingMergeTree ORDER BY key
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

-- Views, which fold one epoch after the other.

-- Cuts up to which everything has been folded.
CREATE TABLE IF NOT EXISTS folds (
    cut UInt64,
    at  DateTime64(6, 'UTC') COMMENT 'everything acknowledged before is in'
) ENGINE = ReplacingMergeTree ORDER BY cut;

-- Claims of the epochs that have been folded.
CREATE TABLE IF NOT EXISTS claims (
    claim        FixedString(16) CODEC(NONE),
    fingerprint  UInt64 CODEC(NONE),
    organization LowCardinality(String),
    account      String,
    booked       Int32,
    epoch        UInt64,
    batch        UInt64,
    item         UInt32
) ENGINE = ReplacingMergeTree ORDER BY claim
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384;

-- Rows of events that came a second time and do not count.
CREATE TABLE IF NOT EXISTS repeats (
    claim FixedString(16),
    batch UInt64,
    item  UInt32,
    epoch UInt64
) ENGINE = ReplacingMergeTree ORDER BY (claim, batch, item);

-- What counts of one line in an account's booked month, of what occurred in its
-- home month.
CREATE TABLE IF NOT EXISTS tallies (
    organization LowCardinality(String),
    account      String,
    booked       Int32,
    home         Int32,
    line         FixedString(16),
    increments   Int256,
    events       Int64,
    version      UInt64 COMMENT 'the cut whose fold made it so'
) ENGINE = ReplacingMergeTree(version) ORDER BY (organization, account, booked, home, line);

-- Records, priced. One without events is not there any more.
CREATE TABLE IF NOT EXISTS records (
    organization    LowCardinality(String),
    account_id      String,
    month           Int32,
    id              FixedString(16),
    product_id      LowCardinality(String),
    aggr_product_id LowCardinality(String),
    type            LowCardinality(String),
    description     LowCardinality(String),
    currency        LowCardinality(String),
    direction       LowCardinality(String) COMMENT 'empty: null',
    resolution      LowCardinality(String) COMMENT 'empty: null',
    unit            LowCardinality(String),
    price           Decimal(76, 24),
    wallet_name     LowCardinality(String) COMMENT 'empty: null',
    number_of_units Decimal(76, 24),
    total_amount    Decimal(76, 24),
    events          Int64,
    version         UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (organization, account_id, month, id);

-- Records as they were at marks: a row holds for marks from its version to
-- before until.
CREATE TABLE IF NOT EXISTS past (
    organization    LowCardinality(String),
    account_id      String,
    month           Int32,
    id              FixedString(16),
    product_id      LowCardinality(String),
    aggr_product_id LowCardinality(String),
    type            LowCardinality(String),
    description     LowCardinality(String),
    currency        LowCardinality(String),
    direction       LowCardinality(String) COMMENT 'empty: null',
    resolution      LowCardinality(String) COMMENT 'empty: null',
    unit            LowCardinality(String),
    price           Decimal(76, 24),
    wallet_name     LowCardinality(String) COMMENT 'empty: null',
    number_of_units Decimal(76, 24),
    total_amount    Decimal(76, 24),
    events          Int64,
    version         UInt64,
    until           UInt64
) ENGINE = ReplacingMergeTree ORDER BY (organization, account_id, month, id, version);

-- Assertion ids, each seen once.
CREATE TABLE IF NOT EXISTS once (
    key   FixedString(16),
    until DateTime('UTC'),
    nonce UInt64
) ENGINE = MergeTree ORDER BY key
TTL until + INTERVAL 1 DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
