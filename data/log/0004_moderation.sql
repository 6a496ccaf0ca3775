-- Moderation over HTTP: who may, and what creators say of a verdict. These rows are no part of the log: they change.

CREATE TABLE tokens (
  token_id   INTEGER PRIMARY KEY AUTOINCREMENT,                              -- never given twice
  hash       BLOB    NOT NULL CHECK (length(hash) = 32),                     -- sha256 of the secret, which is nowhere
  role       TEXT    NOT NULL CHECK (role IN ('moderator', 'maintainer')),   -- what its bearer may decide
  name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 64),         -- the actor of what its bearer decides
  created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
  expires_ms INTEGER NOT NULL CHECK (expires_ms > created_ms),
  revoked_ms INTEGER NOT NULL DEFAULT 0                                      -- 0: not revoked
) STRICT;

CREATE TABLE appeals (
  appeal_id   TEXT    NOT NULL PRIMARY KEY CHECK (length(appeal_id) = 32),   -- 32 random hex digits: who knows it may ask
  video_id    TEXT    NOT NULL CHECK (length(video_id) BETWEEN 1 AND 16),
  message     TEXT    NOT NULL CHECK (length(message) BETWEEN 1 AND 2000),   -- what the creator says; never published
  contact     TEXT    NOT NULL CHECK (length(contact) <= 200),               -- removed with the answer; never published
  network     TEXT    NOT NULL,                                              -- network token, for a day, to limit
  opened_ms   INTEGER NOT NULL CHECK (opened_ms >= 0),
  state       TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'rejected')),
  answered_ms INTEGER NOT NULL DEFAULT 0,                                    -- 0: not answered
  answer      TEXT    NOT NULL DEFAULT '' CHECK (length(answer) <= 2000),    -- shown to whoever knows appeal_id
  actor       TEXT    NOT NULL DEFAULT '',                                   -- who answered; never shown in public
  CHECK ((state = 'open') = (answered_ms = 0)),
  CHECK (state = 'open' OR contact = '')
) STRICT;
CREATE INDEX appeals_by_state ON appeals (state, opened_ms);

-- By which voters are given other names. It stands beside their ids, so that whoever learns it knows these already.
CREATE TABLE pseudonym_key (
  key BLOB NOT NULL CHECK (length(key) = 32) -- drawn once, from SQLite's generator, which the system seeds
) STRICT;
INSERT INTO pseudonym_key (key) VALUES (randomblob(32));
