-- Why another attempt followed this one. NULL where none did, and in rows of earlier versions.
ALTER TABLE attempts ADD COLUMN retry_reason TEXT;
