-- Was a job sent more than once, without anybody seeing how many of it the engine has? Whoever ends it looks
-- for the others.
ALTER TABLE hand_overs ADD COLUMN may_be_twice INTEGER NOT NULL DEFAULT 0 CHECK (may_be_twice IN (0, 1));
