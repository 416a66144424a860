"""The budgets of the query files, measured on a large data set."""
