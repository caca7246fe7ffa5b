"""From analysis frames to one self-contained HTML page; computes no statistic."""
