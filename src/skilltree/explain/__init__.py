"""The plans of the query files: a data set to see them on, their explanation, their budgets, reports on them."""
