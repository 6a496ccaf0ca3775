"""What a published tree tells of its past."""
