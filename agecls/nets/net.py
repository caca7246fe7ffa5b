"""What all nets have in common."""

from torch import nn


class Net(nn.Module):
    """Images (B, 3, H, W) float32, normalised, to outputs (B, n_outputs).

    Attributes:
        variant: Level of the recipe's `variant`, of one family.
        depth: Level of `depth`.
        head_names: Beginnings of the head's names, where its family knows them of no net.
    """

    variant: str
    depth: int
    head_names: tuple[str, ...]
