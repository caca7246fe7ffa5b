"""What confirmed models say: scores, contrasts, claims."""
