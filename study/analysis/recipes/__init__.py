"""Recipes that a search leaves to use: the simplest that is as good as an arm's best."""
