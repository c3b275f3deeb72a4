-- How many automatic answers went before a message, and who proved to have signed it; empty: nobody did.
ALTER TABLE inbox ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN signer TEXT NOT NULL DEFAULT '';
