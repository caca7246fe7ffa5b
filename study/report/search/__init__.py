"""What searching and stopping brought: the best so far, what was stopped, and the time."""
