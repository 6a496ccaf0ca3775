"""Files that people hand in: votes, audited labels, lists of moderators.

`textlines` and `csvlines` take text apart, `votebatch` checks columns of votes, `votefile` and `labelfile` read files.
"""
