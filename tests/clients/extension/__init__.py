"""The demonstration extension, loaded into a real browser."""
