"""Forward and backward pass of a batch as a CUDA graph: one launch instead of a thousand.

A GPU is through with a small batch of small images before a CPU thread has launched the next
kernel of a ResNet. A graph is launched whole (Nguyen et al. 2021, "Accelerating PyTorch with CUDA
Graphs").
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

Backward = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Of a batch's images, draws and labels: its loss, and what is counted; leaves gradients."""

WARM_UP: Final = 3
"""Passes before the recording, in which libraries choose kernels and take their memory."""


class Recorded:
    """A `Backward` that is recorded at its first call and replayed at every one.

    All calls take the shapes of the first. Results and gradients lie in memory of the graph, which
    the next call overwrites.
    """

    def __init__(self, backward: Backward, model: nn.Module) -> None:
        self._backward = backward
        self._model = model
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, images: Tensor, draws: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What `backward` would do; the model must be in training mode."""
        batch = (images, draws, labels)
        if self._graph is None:
            with torch.cuda.device(images.device):
                self._graph = self._record(*batch)
        for own, given in zip(self._batch, batch, strict=True):
            own.copy_(given)
        self._graph.replay()
        for parameter, slope in zip(self._model.parameters(), self._slopes, strict=True):
            parameter.grad = slope
        return self._results

    def _record(self, images: Tensor, draws: Tensor, labels: Tensor) -> torch.cuda.CUDAGraph:
        self._batch = (images.clone(), draws.clone(), labels.clone())
        statistics = [buffer.clone() for buffer in self._model.buffers()]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._backward(*self._batch)
                self._model.zero_grad()
        torch.cuda.current_stream().wait_stream(aside)

        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._results = self._backward(*self._batch)
        self._slopes = [parameter.grad for parameter in self._model.parameters()]
        with torch.no_grad():  # BN has seen the batch while warming up
            for buffer, before in zip(self._model.buffers(), statistics, strict=True):
                buffer.copy_(before)
        return graph
