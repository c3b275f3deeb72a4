-- Frames that lie here for other machines, as their senders sealed them; nothing in them can be read here.
CREATE TABLE relayed (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL UNIQUE, -- the beginning of the frame's SHA-256
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    size INTEGER NOT NULL,
    keep_until INTEGER NOT NULL, -- by the replay clock
    frame BLOB NOT NULL
) STRICT;
CREATE INDEX relayed_for ON relayed (recipient, row);
CREATE INDEX relayed_of ON relayed (sender, size);
CREATE INDEX relayed_until ON relayed (keep_until);
