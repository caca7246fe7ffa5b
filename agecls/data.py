"""A study's images in memory: what training and reports see of a data root."""
