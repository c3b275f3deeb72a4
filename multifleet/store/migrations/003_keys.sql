-- What outlives an X25519 key. sealed: the key under which a peer stated something, encrypted to this node alone.
CREATE TABLE receipt_keys (
    peer TEXT NOT NULL,
    kid TEXT NOT NULL,
    sealed BLOB NOT NULL,
    "row" INTEGER PRIMARY KEY
) STRICT;
CREATE UNIQUE INDEX receipt_keys_once ON receipt_keys (peer, kid);

-- The newest X25519 key of this node that a peer has used.
CREATE TABLE shown_keys (
    peer TEXT PRIMARY KEY,
    x25519 BLOB NOT NULL,
    at REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- X25519 keys that a peer had before its present one; replaced_at is noted by the next upkeep.
CREATE TABLE peer_keys (
    peer TEXT NOT NULL,
    x25519 BLOB NOT NULL,
    replaced_at REAL,
    PRIMARY KEY (peer, x25519)
) STRICT, WITHOUT ROWID;

-- By triggers, so that whoever writes a newer card keeps the older key in the same transaction.
CREATE TRIGGER peer_key_replaced AFTER UPDATE OF x25519 ON peers
WHEN OLD.x25519 <> NEW.x25519 AND OLD.ed25519 = NEW.ed25519
BEGIN
    INSERT OR REPLACE INTO peer_keys VALUES (OLD.node, OLD.x25519, NULL);
    DELETE FROM peer_keys WHERE peer = OLD.node AND x25519 NOT IN (
        SELECT x25519 FROM peer_keys WHERE peer = OLD.node ORDER BY replaced_at IS NOT NULL, replaced_at DESC LIMIT 16
    );
END;

CREATE TRIGGER peer_is_another AFTER UPDATE OF ed25519 ON peers WHEN OLD.ed25519 <> NEW.ed25519
BEGIN
    DELETE FROM peer_keys WHERE peer = OLD.node;
    DELETE FROM shown_keys WHERE peer = OLD.node;
END;

CREATE TRIGGER peer_removed AFTER DELETE ON peers
BEGIN
    DELETE FROM peer_keys WHERE peer = OLD.node;
    DELETE FROM shown_keys WHERE peer = OLD.node;
END;
