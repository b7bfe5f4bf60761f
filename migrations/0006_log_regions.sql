-- Where the log of an attempt is, if not in the region of its job.
ALTER TABLE attempts ADD COLUMN log_region TEXT;
