"""The architecture of the embedded photo classifier."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around an identity or projected shortcut (He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) -> (N, channels_out, H/stride, W/stride), non-negative."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class PhotoNet(nn.Module):
    """A small residual network: (N, 3, H, W) normalised pixels -> (N, classes) logits.

    Strides are 2 (stem) and 4, 8, 16, 32 after the four stages; the head is linear in the
    averaged last features, so a class is a weighted sum of their channels.
    """

    def __init__(
        self, classes: int, widths: tuple[int, ...] = (32, 64, 128, 256), depth: int = 2
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        stages = []
        channels = widths[0]
        for width in widths:
            blocks = [ResidualBlock(channels, width, stride=2)]
            blocks += [ResidualBlock(width, width, stride=1) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
            channels = width
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(channels, classes)

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, widths[-1], H/32, W/32), non-negative."""
        features: Tensor = self.stages(self.stem(x))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in [-1, 1] -> (N, classes) logits."""
        pooled = self.features(x).mean(dim=(2, 3))
        logits: Tensor = self.head(self.dropout(pooled))
        return logits
