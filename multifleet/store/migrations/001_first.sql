-- A rowid table where rows are large or arrive in order, WITHOUT ROWID where the key is the row.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id TEXT NOT NULL,
    peer TEXT NOT NULL,
    "to" TEXT NOT NULL,
    sender TEXT NOT NULL,
    type TEXT NOT NULL,
    tier INTEGER NOT NULL,
    urgency TEXT NOT NULL,
    thread TEXT,
    n INTEGER NOT NULL,
    prev TEXT,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    packet BLOB NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    unknown_outcome INTEGER NOT NULL,
    closed_at REAL,
    "row" INTEGER PRIMARY KEY
) STRICT;
CREATE UNIQUE INDEX outbox_message ON outbox (id, peer);
CREATE INDEX outbox_open ON outbox (peer, tier, "row") WHERE closed_at IS NULL;
CREATE INDEX outbox_expiry ON outbox (expires) WHERE closed_at IS NULL;

-- The last message of a thread: key is sender, recipient and thread.
CREATE TABLE threads (
    key TEXT PRIMARY KEY,
    n INTEGER NOT NULL,
    last_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is known of the messages sent from here. seq is the peer's; NULL where this node is the witness.
CREATE TABLE receipts (
    message_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    seq INTEGER,
    state TEXT NOT NULL,
    at REAL NOT NULL,
    "by" TEXT NOT NULL,
    channel TEXT,
    attempt INTEGER NOT NULL,
    detail TEXT,
    mac TEXT NOT NULL,
    "row" INTEGER PRIMARY KEY
) STRICT;
CREATE UNIQUE INDEX receipts_once ON receipts (message_id, peer, seq, state);

-- have: the last statement of the peer that is here without a gap. said: the last seq this node gave out to it.
CREATE TABLE peers_seq (
    peer TEXT PRIMARY KEY,
    have INTEGER NOT NULL DEFAULT 0,
    said INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- This node's statements that the peer has not acknowledged yet.
CREATE TABLE receipt_log (
    peer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    at REAL NOT NULL,
    channel TEXT,
    attempt INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (peer, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    sender TEXT NOT NULL,
    id TEXT NOT NULL,
    from_ TEXT NOT NULL,
    "to" TEXT NOT NULL,
    seat TEXT,
    type TEXT NOT NULL,
    urgency TEXT NOT NULL,
    thread TEXT,
    n INTEGER NOT NULL,
    prev TEXT,
    reply_to TEXT,
    subject TEXT,
    body TEXT NOT NULL,
    authority TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    stored_at REAL NOT NULL,
    channel TEXT,
    state TEXT NOT NULL,
    state_at REAL NOT NULL,
    session TEXT,
    offer TEXT,
    detail TEXT,
    attempt INTEGER NOT NULL,
    packet BLOB,
    read_at REAL,
    "row" INTEGER PRIMARY KEY
) STRICT;
CREATE UNIQUE INDEX inbox_message ON inbox (id, sender);
CREATE INDEX inbox_open ON inbox (state) WHERE state IN ('stored', 'offering', 'offered', 'held');

CREATE TABLE nonces (
    sender TEXT NOT NULL,
    nonce TEXT NOT NULL,
    keep_until INTEGER NOT NULL,
    PRIMARY KEY (sender, nonce)
) STRICT, WITHOUT ROWID;

CREATE TABLE peers (
    node TEXT PRIMARY KEY,
    ed25519 BLOB NOT NULL,
    x25519 BLOB NOT NULL,
    card BLOB NOT NULL,
    signature BLOB NOT NULL,
    addresses TEXT NOT NULL,
    added_at REAL NOT NULL,
    via TEXT NOT NULL,
    clock_offset REAL,
    offset_at REAL,
    heard_at REAL,
    heard_from TEXT,
    attempt INTEGER NOT NULL,
    delay REAL NOT NULL,
    elapsed REAL NOT NULL,
    best_address TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE channel_health (
    peer TEXT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    failures INTEGER NOT NULL,
    changed_at REAL NOT NULL,
    last_ok REAL,
    last_error TEXT,
    latencies TEXT NOT NULL,
    PRIMARY KEY (peer, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE seats (
    name TEXT PRIMARY KEY,
    folder TEXT NOT NULL,
    client TEXT NOT NULL,
    bound_by TEXT NOT NULL,
    last_session TEXT,
    added_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE offers (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    via TEXT NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    messages TEXT NOT NULL,
    detail TEXT,
    transcript TEXT,
    finished INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX offers_open ON offers (at) WHERE finished = 0;

CREATE TABLE invites (
    id TEXT PRIMARY KEY,
    secret BLOB NOT NULL,
    code_hash TEXT NOT NULL,
    expires REAL NOT NULL,
    used_by BLOB,
    answer BLOB
) STRICT, WITHOUT ROWID;
