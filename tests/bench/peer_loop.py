"""The training loop that people write: files decoded in every epoch, NCHW, plain optimizer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet50

CLASSES = "abcdefgh"


class Faces(Dataset[tuple[torch.Tensor, int]]):
    """Images of one split, opened by Pillow whenever they are asked for."""

    def __init__(self, folder: Path, split: str, transform: Callable[[Any], torch.Tensor]) -> None:
        table = pd.read_csv(folder / f"custom_{split}_dataset.csv")
        self.paths = [folder / f"{split}_images" / path for path in table["image_path"]]
        self.labels = [CLASSES.index(letter) for letter in table["age_class"]]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.open(self.paths[index]).convert("RGB")
        return self.transform(image), self.labels[index]


def train(
    folder: Path,
    config: Mapping[str, Any],
    *,
    size: int,
    epochs: int,
    batch: int,
    workers: int,
    device: str = "cpu",
    report: Callable[[int, float], bool],
) -> int:
    """Train one configuration; images trained on. `report(epoch, accuracy)` may end it by True.

    Args:
        folder: Faces in the family layout.
        config: `lr` and `weight_decay`.
        size: Side in pixels.
        epochs: Planned.
        batch: Images a step.
        workers: Of the data loader.
        device: Where the model is.
        report: Told each epoch's validation accuracy.
    """
    normalise = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    augment = [
        transforms.Resize((size, size)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1)),
        transforms.ColorJitter(0.2, 0.2, 0.2),
    ]
    seen = Faces(folder, "train", transforms.Compose(augment + normalise))
    held_out = Faces(folder, "val", transforms.Compose(augment[:1] + normalise))
    loader = DataLoader(seen, batch_size=batch, shuffle=True, drop_last=True, num_workers=workers)
    val_loader = DataLoader(held_out, batch_size=batch, num_workers=workers)
    model = resnet50(weights=None, num_classes=len(CLASSES)).to(device)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=config["lr"],
        momentum=0.9,
        nesterov=True,
        weight_decay=config["weight_decay"],
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    criterion = nn.CrossEntropyLoss()
    trained = 0
    for epoch in range(1, epochs + 1):
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            schedule.step()
            trained += len(labels)
        model.eval()
        hits = 0
        with torch.no_grad():
            for images, labels in val_loader:
                hits += int((model(images.to(device)).argmax(1).cpu() == labels).sum())
        if report(epoch, hits / len(held_out)):
            break
    return trained
