"""The commands about plans: explain, sql, budgets. What they do is in ``skilltree.plans.commands``."""

from skilltree.cli._app import app
from skilltree.plans import commands

app.command("explain")(commands.explain_)
app.command("sql")(commands.sql_)
app.command("budgets")(commands.budgets)
