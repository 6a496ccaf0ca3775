"""Moderation over HTTP: who may, and what they decide."""
