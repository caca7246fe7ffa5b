"""One stage a file, all of one shape; stages write facts."""
