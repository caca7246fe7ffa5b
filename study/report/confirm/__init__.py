"""What fresh seeds say: the confirmed models by metric, class, seed and set of faces."""
