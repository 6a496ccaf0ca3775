"""Tests of the readers of the published tree."""
