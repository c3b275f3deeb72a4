-- Signed documents of the roster: one for each kind, whom it is about, and who signed it. `digest` is that of the text.
CREATE TABLE roster_documents (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    "by" TEXT NOT NULL,
    digest TEXT NOT NULL,
    text TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (kind, key, "by")
) STRICT, WITHOUT ROWID;

-- state: of presence (alive, suspect, dead, asleep, left, revoked), empty while nothing is known.
ALTER TABLE peers ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN state_since REAL;
ALTER TABLE peers ADD COLUMN state_how TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN role TEXT NOT NULL DEFAULT 'captain';

-- How many messages were given up is asked every few seconds.
CREATE INDEX outbox_failed ON outbox ("row") WHERE state IN ('expired', 'undeliverable', 'refused');

-- nonces: those of the requests that used it, with blanks between.
ALTER TABLE invites ADD COLUMN role TEXT NOT NULL DEFAULT 'captain';
ALTER TABLE invites ADD COLUMN nonces TEXT NOT NULL DEFAULT '';
