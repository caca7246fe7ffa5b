"""What tells a data root's layout, and its rows: names of files, of folders, or tables."""
