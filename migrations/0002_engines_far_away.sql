-- Jobs of an engine that is asked over a network.

-- The engine's own word for the state, and what it says about it.
ALTER TABLE jobs ADD COLUMN engine_status TEXT;
ALTER TABLE jobs ADD COLUMN engine_reason TEXT;

-- What jobs have in common that do the same work. NULL in rows of the first version.
ALTER TABLE plans ADD COLUMN fingerprint TEXT;
CREATE INDEX plans_fingerprint ON plans (fingerprint) WHERE fingerprint IS NOT NULL;

-- Where the engine keeps what an attempt wrote.
ALTER TABLE attempts ADD COLUMN log_group TEXT;
ALTER TABLE attempts ADD COLUMN log_stream TEXT;

-- The queue of the local engine holds its own jobs only.
DROP INDEX jobs_queued;
CREATE INDEX jobs_queued ON jobs (rank, seq) WHERE state = 'queued' AND engine = 'local';
CREATE INDEX jobs_away ON jobs (seq) WHERE finished_at IS NULL AND engine <> 'local';

-- Written before the engine hears of a job, so that it can be found there whatever happens.
CREATE TABLE hand_overs (
    job        INTEGER PRIMARY KEY REFERENCES jobs (seq),
    name       TEXT    NOT NULL,   -- unique to the job; the engine can be asked for it
    region     TEXT    NOT NULL,
    sent_at    INTEGER NOT NULL,   -- when it was about to be sent last
    sender     TEXT    NOT NULL,   -- who is sending it, or was
    definition TEXT,               -- the job definition that was sent, where it is another
    arn        TEXT                -- once the engine has it
) STRICT;
