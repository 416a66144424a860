"""The plans of the query files: their explanation, their budgets, reports on them."""
