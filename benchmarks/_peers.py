"""What H-Sets is compared with in the benchmarks, by the name in the table."""

from __future__ import annotations

from typing import Any

# The name in the table -> the name in interlock.explain.peers, and options. "Absolute" sums
# magnitudes over the channels; "positive" sums the channels with their sign and keeps what speaks
# for the class.
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "IG, absolute": ("ig-absolute", {}),
    "IG, positive": ("ig-positive", {}),
    "IG, blurred baseline, positive": ("ig-blur-positive", {}),
    "SmoothGrad, absolute": ("smoothgrad", {}),
    "SmoothGrad × input, positive": ("smoothgrad-input", {}),
    "Gradient × input, absolute": ("gradient-input", {"evidence": "absolute"}),
    "Gradient × input, positive": ("gradient-input", {"evidence": "for"}),
    "Gradient × (input − blur), positive": ("gradient-blur", {"evidence": "for"}),
    "Grad-CAM": ("grad-cam", {}),
    "Occlusion": ("occlusion", {"evidence": "for"}),
    "Guided Backprop": ("guided-backprop", {}),
    "KernelSHAP, superpixels": ("kernel-shap", {"evidence": "for"}),
    "Random": ("random", {}),
}
