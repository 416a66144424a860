"""The repositories for async code. ``_sync`` is generated from this package."""
