-- Leads from a voter to their votes: voters ask for their own, and take all of them back.

CREATE INDEX votes_by_voter ON votes (voter);
