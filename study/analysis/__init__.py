"""From tables to effects, intervals and verdicts; imports no torch, Ray or Plotly."""
