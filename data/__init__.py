"""The shared vocabulary: records, rules, the votes log's schema, the published formats.

Definitions only: nothing here holds run-time files, and nothing here imports intake or publisher.
"""
