"""What an operator sees of a running intake: metrics, and lines on stderr."""
