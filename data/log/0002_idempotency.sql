-- What requests with an Idempotency-Key were answered, for a day: a retried request is answered as the first was.
-- Kept in the vote's own transaction, so that either both stand or none. These rows are no part of the log: they expire.

CREATE TABLE replies (
  request     BLOB    NOT NULL PRIMARY KEY CHECK (length(request) = 16), -- hash of voter id, Idempotency-Key and vote
  answered_ms INTEGER NOT NULL CHECK (answered_ms >= 0),                 -- when it was answered
  changed     INTEGER NOT NULL CHECK (changed IN (0, 1)),                -- whether a vote was appended
  score       INTEGER NOT NULL CHECK (score BETWEEN 0 AND 100),          -- the video's score in the answer
  trust       REAL    NOT NULL CHECK (trust BETWEEN 0 AND 1)             -- the voter's trust in the answer
) STRICT, WITHOUT ROWID;
CREATE INDEX replies_by_time ON replies (answered_ms);
