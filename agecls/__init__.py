"""Age classes from faces: data, models and training. Imports nothing heavy by itself."""
