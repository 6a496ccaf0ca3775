"""One small blueprint a resource: a route reads a request, calls one function, writes its answer."""
