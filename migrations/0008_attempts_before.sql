-- How many attempts of a job were those of another job of the engine, which came second and which the one
-- that does the work took the place of. The engine counts the attempts of each from 1.
ALTER TABLE hand_overs ADD COLUMN attempts_before INTEGER NOT NULL DEFAULT 0 CHECK (attempts_before >= 0);
