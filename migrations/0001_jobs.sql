-- One row a job. `seq` is the order of acceptance; `attempt` fences: nobody who holds an
-- earlier number can change the job. `changes` numbers the job's events.
CREATE TABLE jobs (
    seq                 INTEGER PRIMARY KEY,
    id                  TEXT    NOT NULL UNIQUE,
    engine              TEXT    NOT NULL,
    engine_id           TEXT,
    name                TEXT    NOT NULL,
    queue               TEXT    NOT NULL,
    state               TEXT    NOT NULL,   -- a name of job/state.rs; who reads another one refuses it
    attempt             INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    interruptions       INTEGER NOT NULL DEFAULT 0,
    losses              INTEGER NOT NULL DEFAULT 0,
    changes             INTEGER NOT NULL DEFAULT 0,
    -- Lower goes first: the time of acceptance in ms, less what the queue's priority is worth.
    rank                INTEGER NOT NULL,
    vcpus               INTEGER NOT NULL,   -- thousandths
    memory              INTEGER NOT NULL,   -- MiB
    gpus                INTEGER NOT NULL,
    rehearse_after      INTEGER,            -- ms after the first start
    retry_of            TEXT,
    worker              INTEGER,
    accepted_at         INTEGER NOT NULL,   -- ms since the epoch, as are all times
    started_at          INTEGER,
    finished_at         INTEGER,
    cancel_requested_at INTEGER,
    cancel_reason       TEXT,
    exit_code           INTEGER,
    signal              INTEGER,
    class               TEXT,
    reason              TEXT,
    -- Compared one by one: for a list of more than two, SQLite fills a table at each change of a row.
    CHECK ((finished_at IS NOT NULL) =
        (state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR state = 'lost')),
    CHECK ((class IS NOT NULL) = (state = 'failed')),
    CHECK (state NOT IN ('starting', 'running') OR attempt > 0),
    CHECK (worker IS NULL OR state IN ('starting', 'running')),
    CHECK (state <> 'succeeded' OR exit_code IS 0),
    CHECK (interruptions + losses <= attempt)
) STRICT;

CREATE INDEX jobs_queued ON jobs (rank, seq) WHERE state = 'queued';
CREATE INDEX jobs_held ON jobs (worker) WHERE worker IS NOT NULL;
-- The last group of the id is what people see and type.
CREATE INDEX jobs_short ON jobs (substr(id, 25));
CREATE INDEX jobs_engine_id ON jobs (engine_id) WHERE engine_id IS NOT NULL;

-- What was asked, apart from how it goes: it is written once and read once, and the rows
-- that change stay small.
CREATE TABLE plans (
    job        INTEGER PRIMARY KEY REFERENCES jobs (seq),
    plan       TEXT    NOT NULL,   -- JSON, without the values of secrets
    directory  TEXT    NOT NULL    -- where the caller stood
) STRICT;

CREATE TABLE attempts (
    job        INTEGER NOT NULL REFERENCES jobs (seq),
    number     INTEGER NOT NULL CHECK (number > 0),
    worker     INTEGER,
    pid        INTEGER,
    -- Is the job's directory at /files, or only named by COMPUTES_FILES?
    mounted    INTEGER,
    opened_at  INTEGER NOT NULL,
    started_at INTEGER,
    closed_at  INTEGER,
    exit_code  INTEGER,
    signal     INTEGER,
    class      TEXT,
    reason     TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    job        INTEGER NOT NULL REFERENCES jobs (seq),
    number     INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    state      TEXT    NOT NULL,   -- the state that followed
    reason     TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    pid        INTEGER NOT NULL,
    background INTEGER NOT NULL,
    boot       TEXT    NOT NULL,
    vcpus      INTEGER NOT NULL,
    memory     INTEGER NOT NULL,
    gpus       INTEGER NOT NULL,
    queues     TEXT    NOT NULL,   -- JSON, a list of names
    started_at INTEGER NOT NULL,
    -- ms of the machine's monotonic clock; NULL while it holds no job.
    lease      INTEGER
) STRICT;
