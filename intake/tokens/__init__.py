"""Bearer tokens for moderators: made, listed, revoked."""
