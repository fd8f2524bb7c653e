"""Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391), by Captum."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from interlock.errors import ModelError, OptionError
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking


@dataclass(frozen=True, eq=False, kw_only=True)
class GradCam(Asking):
    """Feature maps weighted by their mean gradients, negative sums cut (equations 1 and 2).

    The map is enlarged to the image bilinearly.
    """

    layer: str | None = None
    """Dotted name of a module that gives (N, K, h, w); None for the last convolution's block."""

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        from captum.attr import LayerAttribution, LayerGradCam

        features = last_features(self.model) if self.layer is None else self._named(self.layer)
        try:
            cam = LayerGradCam(model.forward, features).attribute(
                x[None].clone().requires_grad_(), target=target, relu_attributions=True
            )
        except AssertionError as error:
            raise ModelError(f"grad-cam: {error}; name a convolutional layer= instead") from None
        if cam.ndim != 4:
            raise ModelError(
                f"grad-cam: the layer gives a map of shape {tuple(cam.shape)}; name one that gives "
                "(N, K, h, w) with layer="
            )
        enlarged: Tensor = LayerAttribution.interpolate(cam, tuple(x.shape[1:]), "bilinear")
        return enlarged[0, 0]

    def _named(self, name: str) -> nn.Module:
        try:
            return self.model.get_submodule(name)
        except AttributeError:
            raise OptionError(f"layer={name!r}: the model has no such module") from None


def last_features(model: nn.Module) -> nn.Module:
    """The last convolution, with its normalisation and activation where they form a block.

    Raises:
        ModelError: the model has no 2-D convolution.
    """
    names = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    if not names:
        raise ModelError("grad-cam: the model has no Conv2d; name a layer with layer=")
    block = names[-1].rpartition(".")[0]
    # A block that also holds the classifier gives logits, not features.
    if not block or any(isinstance(m, nn.Linear) for m in model.get_submodule(block).modules()):
        return model.get_submodule(names[-1])
    return model.get_submodule(block)
