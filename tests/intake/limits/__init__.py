"""Tests of the limits themselves."""
