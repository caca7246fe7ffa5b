"""Which trial is what, what is proposed next, who goes on and who is stopped; no Ray."""
