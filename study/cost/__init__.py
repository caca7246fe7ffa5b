"""What a study will cost, estimated from measured steps."""
