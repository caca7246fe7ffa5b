"""A recipe and arrays in, each epoch's metrics out."""
