"""What happened in the trials: their rates, curves and settings, and the table of all."""
