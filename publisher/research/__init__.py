"""From verdicts to the files that people study."""
