"""Turns the votes log into published files: reads, scores, builds, commits. Never writes the log."""
