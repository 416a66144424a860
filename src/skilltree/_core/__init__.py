"""Code without I/O that the async and the sync repositories share."""
