"""A study of a function: a quadratic that learns, in numpy, within milliseconds."""

TOML = """\
[study]
question = "Which setting of the quadratic matters?"
trainable = "quadratic:train"
metric = "loss"
direction = "minimize"
unit = "nats"
smallest = 0.01
trials = 8
epochs = 4
design_share = 0.5
[factors.net]
role = "arm"
levels = ["deep", "wide"]
[factors.rate]
role = "tuned"
log = true
low = 0.01
high = 1.0
[factors.width]
role = "tuned"
whole = true
low = 2
high = 8
[factors.momentum]
role = "tuned"
levels = [0.0, 0.9]
when = { net = "deep" }
[claims.deep_wins]
text = "Deep nets lose less"
factor = "net"
better = "deep"
worse = "wide"
least = 0.02
"""
