-- Signed documents of the roster; of those with one slot the newest is kept.
CREATE TABLE roster_documents (
    slot TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    text TEXT NOT NULL,
    signature TEXT NOT NULL
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
