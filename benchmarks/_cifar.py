"""CIFAR-10 ResNets as He et al. (2015, section 4.2) describe them, with option A shortcuts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.models import Classifier

SHARED = Path(__file__).resolve().parents[2] / "shared"
WEIGHTS = SHARED / "models" / "cifar10_resnet"
IMAGES = SHARED / "data" / "cifar10"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two 3x3 convolutions; the shortcut subsamples and pads the channels with zeros."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.padding = stride, (channels - channels_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        shortcut = F.pad(shortcut, (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class CifarResNet(nn.Module):
    """(N, 3, 32, 32) normalised -> (N, 10) logits; depth 20, 32, 44 or 56."""

    def __init__(self, depth: int = 20) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        blocks = (depth - 2) // 6
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, 10)

    @staticmethod
    def _stage(channels_in: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
        rest = [Block(channels, channels, 1) for _ in range(blocks - 1)]
        return nn.Sequential(Block(channels_in, channels, stride), *rest)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.layer3(self.layer2(self.layer1(y)))
        logits: Tensor = self.linear(y.mean(dim=(2, 3)))
        return logits


def resnet20() -> Classifier:
    """The trained ResNet-20 with the normalisation that it was trained with."""
    model = CifarResNet(20)
    model.load_state_dict(load_file(WEIGHTS / "resnet20.safetensors"))
    labels = json.loads((IMAGES / "classes.json").read_text())

    def preprocess(image: object) -> Tensor:
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)

    return Classifier(model.eval().requires_grad_(False), preprocess, labels, "resnet20", MEAN, STD)


def images(split: str, count: int, start: int = 0) -> tuple[Tensor, Tensor]:
    """(count, 3, 32, 32) uint8 and their (count,) labels, in the file's order."""
    import pyarrow.parquet as parquet
    from PIL import Image

    table = parquet.read_table(IMAGES / f"{split}.parquet").slice(start, count)
    pixels = [
        np.asarray(Image.open(io.BytesIO(b)).convert("RGB")) for b in table["img"].to_pylist()
    ]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), torch.tensor(
        table["label"].to_pylist()
    )
