"""Which trial is what, what is proposed next, who goes on; no Ray."""
