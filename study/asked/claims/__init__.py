"""The forms of a claim, one a file: how it is spelled and read, what it asks, its sentences."""
