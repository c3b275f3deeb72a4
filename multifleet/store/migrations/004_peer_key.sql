-- The Ed25519 key (hex) that the recipient's name had when a message was accepted; empty where it had none yet.
ALTER TABLE outbox ADD COLUMN peer_key TEXT NOT NULL DEFAULT '';
UPDATE outbox SET peer_key = coalesce((SELECT lower(hex(ed25519)) FROM peers WHERE node = outbox.peer), '');
