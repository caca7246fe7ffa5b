"""What all nets have in common."""

from torch import nn


class Net(nn.Module):
    """Images (B, 3, H, W) float32, normalised, to outputs (B, n_outputs).

    Attributes:
        variant: Level of the recipe's `variant`, of one family.
        depth: Level of `depth`.
    """

    variant: str
    depth: int
