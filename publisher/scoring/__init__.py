"""From votes to verdicts: what each voter counts for, what each video scores."""
