-- The votes log, first version. Times are Unix milliseconds in UTC.
-- Ids are interned: votes hold small integers, so that reading ten million of them gives dense columns.
-- Position 1, 2, 3, … is one sequence over votes and decisions together; key 0 means "none".

CREATE TABLE log_identity (
  log_id     TEXT    NOT NULL CHECK (length(log_id) = 32), -- 32 hex digits, drawn once; the published tree carries it
  created_ms INTEGER NOT NULL                              -- when the home was made
) STRICT;

CREATE TABLE voters (
  voter    INTEGER PRIMARY KEY CHECK (voter > 0),          -- dense key, in order of first appearance
  voter_id TEXT    NOT NULL UNIQUE CHECK (length(voter_id) BETWEEN 1 AND 64) -- the voter's only credential: never published
) STRICT;

CREATE TABLE videos (
  video       INTEGER PRIMARY KEY CHECK (video > 0),       -- dense key, in order of first appearance
  video_id    TEXT    NOT NULL UNIQUE CHECK (length(video_id) BETWEEN 1 AND 16), -- the platform's id
  hash_prefix INTEGER NOT NULL CHECK (hash_prefix BETWEEN 0 AND 4294967295)      -- first 32 bits of sha256(video_id)
) STRICT;
CREATE INDEX videos_by_hash_prefix ON videos (hash_prefix);

CREATE TABLE channels (
  channel    INTEGER PRIMARY KEY CHECK (channel > 0),      -- dense key, in order of first appearance
  channel_id TEXT    NOT NULL UNIQUE CHECK (length(channel_id) BETWEEN 1 AND 32) -- the platform's id
) STRICT;

CREATE TABLE networks (
  network INTEGER PRIMARY KEY CHECK (network > 0),         -- dense key, in order of first appearance
  token   TEXT    NOT NULL UNIQUE CHECK (length(token) BETWEEN 1 AND 64) -- keyed hash of an address block, opaque
) STRICT;

CREATE TABLE votes (
  position       INTEGER PRIMARY KEY CHECK (position > 0), -- place in the log: position order is commit order
  cast_at_ms     INTEGER NOT NULL CHECK (cast_at_ms BETWEEN 0 AND 253402300799999), -- when it was cast
  voter          INTEGER NOT NULL REFERENCES voters,       -- who
  video          INTEGER NOT NULL REFERENCES videos,       -- about what
  categories     INTEGER NOT NULL CHECK (categories BETWEEN 0 AND 32), -- mask of categories; 32 not_ai; 0 retraction
  channel        INTEGER NOT NULL DEFAULT 0,               -- channel that the client claims, 0 none
  network        INTEGER NOT NULL DEFAULT 0,               -- network token, 0 none
  voter_since_ms INTEGER NOT NULL DEFAULT 0 CHECK (voter_since_ms BETWEEN 0 AND 253402300799999) -- first seen elsewhere, 0 unknown
) STRICT;
-- Serves three questions: a video's votes, a voter's last word on it, and "was this very vote imported before?"
CREATE UNIQUE INDEX votes_by_video ON votes (video, voter, cast_at_ms, categories);

CREATE TABLE decisions (
  position      INTEGER PRIMARY KEY CHECK (position > 0),  -- place in the log
  decided_at_ms INTEGER NOT NULL CHECK (decided_at_ms >= 0), -- when it was made
  kind          TEXT    NOT NULL CHECK (kind IN (
    'audit', 'moderator_add', 'moderator_remove', 'lock', 'confirm_human', 'unlock', 'hide', 'unhide', 'ban', 'unban',
    'release')),
  video         INTEGER NOT NULL DEFAULT 0,                -- the video it is about, 0 none
  voter         INTEGER NOT NULL DEFAULT 0,                -- the voter it is about, 0 none
  label         INTEGER NOT NULL DEFAULT 0 CHECK (label IN (0, 1)), -- of an audit: 1 AI, 0 made by people
  score         INTEGER NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 100), -- of a lock: the score to show
  actor         TEXT    NOT NULL,                          -- who decided; never published
  reason        TEXT    NOT NULL                           -- why
) STRICT;

CREATE TRIGGER votes_are_never_edited BEFORE UPDATE ON votes
BEGIN SELECT RAISE(ABORT, 'the votes log is append-only: append a new vote instead'); END;
CREATE TRIGGER votes_are_never_deleted BEFORE DELETE ON votes
BEGIN SELECT RAISE(ABORT, 'the votes log is append-only: append a retraction instead'); END;
CREATE TRIGGER decisions_are_never_edited BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'the votes log is append-only: append a new decision instead'); END;
CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'the votes log is append-only: append a new decision instead'); END;
