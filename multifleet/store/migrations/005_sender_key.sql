-- The Ed25519 key (hex) that the sender's name had when a message came; empty where it is not known any more.
ALTER TABLE inbox ADD COLUMN sender_key TEXT NOT NULL DEFAULT '';
UPDATE inbox SET sender_key = coalesce((SELECT lower(hex(ed25519)) FROM peers WHERE node = inbox.sender), '');
