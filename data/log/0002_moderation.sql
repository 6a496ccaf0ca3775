-- Moderators' decisions beside audits and appointments: lock, unlock, confirm_human, hide, unhide, ban, unban.
-- SQLite cannot widen a CHECK, so the table is made anew with its rows (https://sqlite.org/lang_altertable.html, 7).

CREATE TABLE decisions_widened (
  position      INTEGER PRIMARY KEY CHECK (position > 0),  -- place in the log
  decided_at_ms INTEGER NOT NULL CHECK (decided_at_ms >= 0), -- when it was made
  kind          TEXT    NOT NULL CHECK (kind IN ('audit', 'moderator_add', 'moderator_remove', 'lock', 'unlock',
                                                 'confirm_human', 'hide', 'unhide', 'ban', 'unban')),
  video         INTEGER NOT NULL DEFAULT 0,                -- the video it is about, 0 none
  voter         INTEGER NOT NULL DEFAULT 0,                -- the voter it is about, 0 none
  label         INTEGER NOT NULL DEFAULT 0 CHECK (label IN (0, 1)), -- of an audit: 1 AI, 0 made by people
  actor         TEXT    NOT NULL,                          -- who decided; never published
  reason        TEXT    NOT NULL,                          -- why
  score         INTEGER NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 100) -- of a lock: the score it fixes
) STRICT;

INSERT INTO decisions_widened (position, decided_at_ms, kind, video, voter, label, actor, reason)
SELECT position, decided_at_ms, kind, video, voter, label, actor, reason FROM decisions;

DROP TABLE decisions;

ALTER TABLE decisions_widened RENAME TO decisions;

CREATE TRIGGER decisions_are_never_edited BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'the votes log is append-only: append a new decision instead'); END;

CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'the votes log is append-only: append a new decision instead'); END;
