"""What a settling design asks and says: its rows' recipes, effects, looks and verdicts."""
