"""What a search's trials say: effects, importance, claims."""
