"""What a person orders: guards, rollback, kill, prune, tombstones."""
