"""Who may say what to whom here: persons' signatures, rules, budgets, and whether anything is shown at all."""
