"""Tests of publisher/operations."""
