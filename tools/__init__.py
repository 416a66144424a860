"""Developers' tools for a checkout. The installed package does not contain them."""
