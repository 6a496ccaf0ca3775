-- Made after the tables are filled, which is faster. Every sort order that metadata.yml offers has an index that ends
-- in the primary key, because Datasette breaks ties by it; filters that keep few rows have one with the default sort.

CREATE INDEX videos_by_changed ON videos (changed_at DESC, video_id);
CREATE INDEX videos_by_score ON videos (score DESC, video_id);
CREATE INDEX videos_by_voters ON videos (voters DESC, video_id);
CREATE INDEX videos_by_minority_votes ON videos (minority_votes DESC, video_id);
CREATE INDEX videos_published ON videos (published, changed_at DESC, video_id);
CREATE INDEX videos_published_by_score ON videos (published, score DESC, video_id);
CREATE INDEX videos_of_category ON videos (top_category, changed_at DESC, video_id);
CREATE INDEX videos_of_category_by_score ON videos (top_category, score DESC, video_id);
CREATE INDEX videos_of_channel ON videos (channel_id, changed_at DESC, video_id);
CREATE INDEX videos_locked ON videos (locked);
CREATE INDEX channels_by_score ON channels (score DESC, channel_id);
CREATE INDEX channels_by_settled ON channels (settled DESC, channel_id);
CREATE INDEX channels_by_videos ON channels (videos DESC, channel_id);
CREATE INDEX channels_by_published_videos ON channels (published_videos DESC, channel_id);
CREATE INDEX channels_by_published_ratio ON channels (published_ratio DESC, channel_id);
CREATE INDEX channels_by_mean_score ON channels (mean_score DESC, channel_id);

-- An id is one word (- and _ belong to it), so the first characters of an id find it.
CREATE VIRTUAL TABLE videos_search USING fts5 (
    video_id, channel_id, content="videos", detail=column, tokenize="unicode61 tokenchars '-_'"
);
INSERT INTO videos_search (videos_search) VALUES ('rebuild');
CREATE VIRTUAL TABLE channels_search USING fts5 (
    channel_id, content="channels", detail=column, tokenize="unicode61 tokenchars '-_'"
);
INSERT INTO channels_search (channels_search) VALUES ('rebuild');

PRAGMA analysis_limit = 1000;
ANALYZE;
