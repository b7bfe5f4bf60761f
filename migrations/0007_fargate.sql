-- Queues that were on Fargate when they were last looked at, which has only some sizes.
CREATE TABLE fargate (
    region TEXT NOT NULL,
    queue  TEXT NOT NULL,
    PRIMARY KEY (region, queue)
) STRICT, WITHOUT ROWID;
