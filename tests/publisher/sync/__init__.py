"""Tests of the sync files."""
