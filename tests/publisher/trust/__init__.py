"""Tests of publisher/trust."""
