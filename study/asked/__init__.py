"""What a study asks: its TOML file and the values that come of it."""
