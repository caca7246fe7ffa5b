"""From analysis frames to one self-contained HTML page; computes no statistic.

A room for each part of the page: `head`, `confirm`, `factors`, `trials`, `search`, `checks`, and
`compare` for a page of several studies. A room imports no other but `head`, and `head` only
`confirm`. The table in `sections` orders the page: a new figure is a module in a room and a row
there. `page`, `summary` and `images` put the rooms together; what stands in `assets` goes with a
page as it is.
"""
