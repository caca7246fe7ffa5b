"""What trainings spent on verdicts say: the design, each look, pairs, and every training."""
