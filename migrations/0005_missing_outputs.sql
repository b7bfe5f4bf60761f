-- Outputs for which nothing was there when an attempt had ended, as a JSON list. NULL where nobody has
-- looked, and in rows of earlier versions.
ALTER TABLE jobs ADD COLUMN missing_outputs TEXT;
