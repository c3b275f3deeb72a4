-- What lies in the inbox of each sender, so that asking does not read it all.
CREATE TABLE inbox_shares (
    sender TEXT PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO inbox_shares SELECT sender, sum(length(body) + 1024) FROM inbox GROUP BY sender;
