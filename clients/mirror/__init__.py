"""Copies of a published tree that others can follow."""
