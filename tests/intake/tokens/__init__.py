"""The commands about tokens."""
