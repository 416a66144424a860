"""The repositories, on a real server."""
