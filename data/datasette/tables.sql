-- The tables of the browsable database: filled once from published files, then only read.
-- metadata.yml describes each column at length; text times are RFC 3339 in UTC with milliseconds.

CREATE TABLE site (
    seq INTEGER PRIMARY KEY,       -- the tick that this database holds
    published_at TEXT NOT NULL,    -- time of the tick
    log TEXT NOT NULL,             -- id of the votes log
    payload_sha256 TEXT NOT NULL,  -- SHA-256 of the head's payload
    layout_sha256 TEXT NOT NULL    -- SHA-256 of this schema and of the code that fills it
) STRICT;

CREATE TABLE categories (
    category TEXT PRIMARY KEY,     -- what a vote may say
    title TEXT NOT NULL,           -- for people
    description TEXT NOT NULL,     -- for people
    videos INTEGER NOT NULL,       -- videos with a standing vote that names it
    leads INTEGER NOT NULL,        -- published videos whose top category it is
    votes INTEGER NOT NULL         -- standing votes that name it
) STRICT;

CREATE TABLE channels (
    channel_id TEXT PRIMARY KEY,      -- the platform's id
    score INTEGER CHECK (score BETWEEN 0 AND 100),  -- its share of AI in percent, null until a round settled a video
    score_low INTEGER,                -- lower end of the 90 % interval of that share
    score_high INTEGER,               -- upper end
    settled INTEGER,                  -- videos that audits or established voters spoke of
    videos INTEGER NOT NULL,          -- its videos with standing votes
    published_videos INTEGER NOT NULL,  -- those of them that clients sync
    published_ratio REAL NOT NULL,    -- published_videos / videos, 0-1
    mean_score REAL NOT NULL,         -- mean of its videos' scores, 0-100
    votes INTEGER NOT NULL,           -- standing votes on its videos
    changed_at TEXT NOT NULL          -- newest change of one of its videos
) STRICT;

CREATE TABLE videos (
    video_id TEXT PRIMARY KEY,        -- the platform's id
    score INTEGER NOT NULL CHECK (score BETWEEN 0 AND 100),    -- percent that it is AI-made
    top_category TEXT REFERENCES categories (category),        -- the leading category, null when none is named
    voters INTEGER NOT NULL,          -- standing votes
    held INTEGER NOT NULL,            -- of these, votes of a burst that weigh nothing yet
    flip_held_since TEXT,             -- since when its score is kept on its old side of 50, null when it is not
    votes_fully_ai INTEGER NOT NULL,  -- standing votes that name the category; so on
    votes_ai_voiceover INTEGER NOT NULL,
    votes_ai_visuals INTEGER NOT NULL,
    votes_ai_thumbnails INTEGER NOT NULL,
    votes_ai_assisted INTEGER NOT NULL,
    votes_not_ai INTEGER NOT NULL,    -- standing counter-votes
    minority_votes INTEGER AS (min(votes_not_ai, voters - votes_not_ai)) VIRTUAL,  -- the smaller camp
    evidence REAL NOT NULL,           -- log-odds
    published INTEGER NOT NULL CHECK (published IN (0, 1)),    -- whether clients sync it
    locked INTEGER NOT NULL CHECK (locked IN (0, 1)),          -- whether a moderator fixed the score
    prior_only INTEGER NOT NULL CHECK (prior_only IN (0, 1)),  -- whether its prior alone lifts it
    score_fully_ai INTEGER NOT NULL,  -- category score, 0-100; so on
    score_ai_voiceover INTEGER NOT NULL,
    score_ai_visuals INTEGER NOT NULL,
    score_ai_thumbnails INTEGER NOT NULL,
    score_ai_assisted INTEGER NOT NULL,
    channel_id TEXT REFERENCES channels (channel_id),          -- agreed by independent voters, else null
    changed_at TEXT NOT NULL,         -- time of the tick that changed the row last
    watch TEXT AS ('https://www.youtube.com/watch?v=' || video_id) VIRTUAL  -- where to see it
) STRICT;

CREATE TABLE ticks (
    seq INTEGER PRIMARY KEY,           -- number of the tick
    published_at TEXT NOT NULL,        -- its time
    epoch TEXT NOT NULL,               -- its UTC day
    published_videos INTEGER NOT NULL, -- rows that clients sync
    changed INTEGER,                   -- verdicts that differ from the tick before; null when no longer published
    log_rows INTEGER NOT NULL,         -- rows of the votes log that were read for the first time
    through_position INTEGER NOT NULL, -- how far the log was read
    files INTEGER,                     -- files that the tick created, without shards; null when no longer published
    bytes INTEGER,                     -- their sizes, together
    payload_sha256 TEXT NOT NULL       -- SHA-256 of the head's payload, which the next head names as prev
) STRICT;

CREATE TABLE files (
    key TEXT PRIMARY KEY,     -- place below the published tree
    bytes INTEGER NOT NULL,   -- size
    sha256 TEXT NOT NULL      -- hash of its bytes
) STRICT;
