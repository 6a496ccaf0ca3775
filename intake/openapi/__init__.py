"""What the HTTP interface is, for programs (`/openapi.json`) and for people (`/docs`)."""
