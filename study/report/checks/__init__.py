"""How far the numbers can be trusted: the data, the model's fit, and what more would tell."""
