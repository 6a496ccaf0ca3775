"""Appeals, over HTTP and by command."""
