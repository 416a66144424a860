"""Tests of the repositories on a real server."""
