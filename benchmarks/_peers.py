"""The explanations that H-Sets is compared with, nearly all from Captum.

Each takes (model, x, target), x of shape (3, H, W), and returns an (H, W) map in which larger is
more relevant. "Absolute" sums magnitudes over the channels; "positive" sums the channels with their
sign and keeps what speaks for the class.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from captum.attr import (
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    KernelShap,
    LayerAttribution,
    LayerGradCam,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from torch import Tensor, nn

from interlock.explain._baseline import baseline_for
from interlock.explain.priors import segment, slic

Peer = Callable[[nn.Module, Tensor, int], Tensor]

IG_STEPS = 50
NOISE_SAMPLES = 20
NOISE = 0.3  # 15 % of the range of x, as in the SmoothGrad paper (arXiv 1706.03825)
OCCLUSION_WINDOW, OCCLUSION_STRIDE = 32, 16
SHAP_SAMPLES = 200


def absolute(attribution: Tensor) -> Tensor:
    """(1, C, H, W) -> (H, W)."""
    return attribution[0].detach().abs().sum(dim=0)


def positive(attribution: Tensor) -> Tensor:
    """(1, C, H, W) -> (H, W)."""
    return attribution[0].detach().sum(dim=0).clamp(min=0)


def integrated_gradients(
    model: nn.Module, x: Tensor, target: int, baseline: Any = 0.0, steps: int = IG_STEPS
) -> Tensor:
    """Captum's IG with its default quadrature; (1, C, H, W)."""
    start = baseline_for(x, baseline)[None]
    found: Tensor = IntegratedGradients(model).attribute(
        x[None], start, target=target, n_steps=steps, internal_batch_size=10
    )
    return found


def gradient_times_blur(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Gradient at x times what the blur takes away, the positive part."""
    gradient = Saliency(model).attribute(x[None], target=target, abs=False)
    return positive(gradient * (x - baseline_for(x, "blur")))


def smooth_grad(model: nn.Module, x: Tensor, target: int, method: Any, **options: Any) -> Tensor:
    """Captum's NoiseTunnel over a gradient method."""
    found: Tensor = NoiseTunnel(method(model)).attribute(
        x[None],
        nt_type="smoothgrad",
        nt_samples=NOISE_SAMPLES,
        nt_samples_batch_size=10,
        stdevs=NOISE,
        target=target,
        **options,
    )
    return found


def last_features(model: nn.Module) -> nn.Module:
    """The block that holds the model's last convolution, with its normalisation and ReLU."""
    name = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)][-1]
    return model.get_submodule(name.rpartition(".")[0])


def grad_cam(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Grad-CAM at the last feature map, negative values cut, upsampled bilinearly."""
    cam = LayerGradCam(model, last_features(model)).attribute(
        x[None], target=target, relu_attributions=True
    )
    return LayerAttribution.interpolate(cam, x.shape[1:], "bilinear")[0, 0].detach()


def occlusion(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Drop of the logit as a mid-grey square slides over the image, the positive part."""
    window, stride = OCCLUSION_WINDOW, OCCLUSION_STRIDE
    found = Occlusion(model).attribute(
        x[None],
        sliding_window_shapes=(len(x), window, window),
        strides=(len(x), stride, stride),
        baselines=0.0,
        target=target,
        perturbations_per_eval=16,
    )
    return positive(found)


class _Cap(nn.Module):
    """min(z, 6)."""

    def forward(self, z: Tensor) -> Tensor:
        return z.clamp(max=6)


def relu6_split(model: nn.Module) -> nn.Module:
    """A copy in which each ReLU6 is an ``nn.ReLU`` with a cap behind it; the same function.

    Captum's GuidedBackprop changes the gradient of ``nn.ReLU`` modules alone. On MobileNet, which
    has none, it would give the plain gradient without a word.
    """
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU6):
                setattr(parent, name, nn.Sequential(nn.ReLU(), _Cap()))
    return model


def guided_backprop(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Guided Backprop with every ReLU6 guided too."""
    return absolute(GuidedBackprop(relu6_split(model)).attribute(x[None], target=target))


def kernel_shap(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """KernelSHAP over SLIC superpixels replaced by mid-grey, the positive part."""
    image = ((x - x.min()) / (x.max() - x.min())).permute(1, 2, 0).double().numpy()
    regions = torch.from_numpy(segment(slic, image))
    found = KernelShap(model).attribute(
        x[None],
        baselines=0.0,
        target=target,
        feature_mask=regions.expand(1, *x.shape),
        n_samples=SHAP_SAMPLES,
        perturbations_per_eval=16,
    )
    return found[0, 0].detach().clamp(min=0)  # every channel of a region has the region's value


def uniform(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """No explanation at all."""
    return torch.rand(x.shape[1:])


PEERS: dict[str, Peer] = {
    "IG, absolute": lambda m, x, t: absolute(integrated_gradients(m, x, t)),
    "IG, positive": lambda m, x, t: positive(integrated_gradients(m, x, t)),
    "IG, blurred baseline, positive": lambda m, x, t: positive(
        integrated_gradients(m, x, t, "blur")
    ),
    "SmoothGrad, absolute": lambda m, x, t: absolute(smooth_grad(m, x, t, Saliency, abs=False)),
    "SmoothGrad × input, positive": lambda m, x, t: positive(smooth_grad(m, x, t, InputXGradient)),
    "Gradient × input, absolute": lambda m, x, t: absolute(
        InputXGradient(m).attribute(x[None], target=t)
    ),
    "Gradient × input, positive": lambda m, x, t: positive(
        InputXGradient(m).attribute(x[None], target=t)
    ),
    "Gradient × (input − blur), positive": gradient_times_blur,
    "Grad-CAM": grad_cam,
    "Occlusion": occlusion,
    "Guided Backprop": guided_backprop,
    "KernelSHAP, superpixels": kernel_shap,
    "Random": uniform,
}
