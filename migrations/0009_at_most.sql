-- Of a job that was sent more than once the engine may have so many, as far as anybody saw. Whoever ends it
-- looks for the others.
ALTER TABLE hand_overs ADD COLUMN at_most INTEGER NOT NULL DEFAULT 1 CHECK (at_most > 0);
