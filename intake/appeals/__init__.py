"""Appeals of creators: opened over HTTP, answered by moderators."""
