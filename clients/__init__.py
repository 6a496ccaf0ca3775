"""Readers of the published tree, written from `docs/formats.md` alone.

Nothing here imports another package of the project: what these modules accept, a stranger's client accepts.
"""
