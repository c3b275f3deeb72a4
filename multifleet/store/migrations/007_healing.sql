-- Where each broken channel is on the repair ladder.
CREATE TABLE repair_cases (
    peer TEXT NOT NULL,
    channel TEXT NOT NULL,
    evidence TEXT NOT NULL,
    began_at REAL NOT NULL,
    level TEXT NOT NULL,
    at REAL NOT NULL,
    outcome TEXT NOT NULL,
    taken_up INTEGER NOT NULL,
    PRIMARY KEY (peer, channel)
) STRICT, WITHOUT ROWID;

-- Each time a peer was turned to about repairs; what limits how often that is done.
CREATE TABLE escalations (
    row INTEGER PRIMARY KEY,
    peer TEXT NOT NULL,
    level TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
