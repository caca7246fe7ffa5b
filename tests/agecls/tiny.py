"""A set that trains in no time (a class is a shade of grey under noise) and a net that does."""

import numpy as np
import torch
from torch import nn

from agecls.classes import EIGHT
from agecls.data.arrays import TrainingArrays
from agecls.nets.kernels.convolution import Convolution

# uneven on purpose: a majority class to beat
SHARES = (0.05, 0.1, 0.1, 0.25, 0.2, 0.15, 0.1, 0.05)


def shades(n_train=48, n_val=16, *, size=16, seed=0, noise=60, classes=range(8), names=EIGHT):
    rng = np.random.default_rng(seed)
    shares = np.array([SHARES[c] for c in classes])

    def draw(n):
        labels = rng.choice(list(classes), size=n, p=shares / shares.sum()).astype(np.int64)
        images = rng.integers(0, noise, (n, size, size, 3)) + 27 * labels[:, None, None, None]
        return images.clip(0, 255).astype(np.uint8), labels

    images, labels = (np.concatenate(p) for p in zip(draw(n_train), draw(n_val), strict=True))
    images.flags.writeable = labels.flags.writeable = False  # as Ray's object store gives them
    places = np.arange(n_train + n_val)
    return TrainingArrays(images, labels, places[:n_train], places[n_train:], names)


class SmallNet(nn.Module):
    """In the place of a ResNet where a test is about the loop around it."""

    def __init__(self, n_outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, n_outputs)

    def forward(self, x):
        return self.fc(torch.relu(self.bn1(self.conv1(x))).mean(dim=(2, 3)))


def build_small_net(variant, depth, *, n_outputs, size=None):
    return SmallNet(n_outputs)


class OurSmallNet(SmallNet):
    """The same where the test is about our convolutions."""

    def __init__(self, n_outputs):
        super().__init__(n_outputs)
        self.conv1 = nn.Sequential(Convolution(3, 8, 3, stride=2), Convolution(8, 16, 3, stride=2))


def build_our_small_net(variant, depth, *, n_outputs, size=None):
    return OurSmallNet(n_outputs)
