"""What serves the async and the sync repositories alike: it sends nothing to a server."""
