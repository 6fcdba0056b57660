-- Records once more, in the order in which pages show them: a page is a few
-- granules then, however deep it is. Whoever writes records writes them here too,
-- as one insert; one that fails is made again by the fold that it was part of.
CREATE TABLE IF NOT EXISTS records_by_id (
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
) ENGINE = ReplacingMergeTree(version) ORDER BY (organization, id)
SETTINGS index_granularity = 512;

CREATE MATERIALIZED VIEW IF NOT EXISTS records_to_records_by_id TO records_by_id AS SELECT * FROM records;

-- What was there before. Once more it is no more than once.
INSERT INTO records_by_id SELECT * FROM records;
