"""What models trained on fresh seeds say: scores, contrasts, claims."""
