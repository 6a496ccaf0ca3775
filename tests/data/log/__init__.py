"""Tests of the votes log."""
