"""The votes log: the append-only SQLite file in which intake and publisher meet.

`schema` opens it and brings it up to date, `append` writes, `read` reads it as columns.
"""
