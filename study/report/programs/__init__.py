"""What programs read: the answer as JSON, verdicts as an exit status, the tables by SQL."""
