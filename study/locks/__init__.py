"""What was fixed before the first trial: written down with its hash, and held against later."""
