"""What keeps a votes log safe: backups, and putting them back."""
