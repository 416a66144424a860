"""The plans of the query files: how to get them, their budgets, and reports on them."""
