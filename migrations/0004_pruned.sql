-- What is left of jobs that were removed: their numbers, which no other job ever gets, because a
-- number fences; and when the jobs that were old enough were last all gone.
CREATE TABLE pruned (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    highest_seq INTEGER NOT NULL,
    at          INTEGER
) STRICT;
INSERT INTO pruned VALUES (1, 0, NULL);
