"""What developers need in a checkout. The installed package has none of it."""
