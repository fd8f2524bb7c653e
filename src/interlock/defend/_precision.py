"""Sums and solutions that single precision would spoil."""

from __future__ import annotations

from torch import Tensor


def doubled(x: Tensor) -> Tensor:
    """In double precision; on the CPU where the device has none (Apple's)."""
    return (x.cpu() if x.device.type == "mps" else x).double()
