"""What moderators and auditors decide, as commands."""
