"""From verdicts to the files that clients follow."""
