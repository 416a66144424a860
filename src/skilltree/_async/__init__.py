"""The repositories for async code. The sync ones are generated from them."""
