"""Every peer by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.explain.peers import hsets
from interlock.explain.peers.archipelago import Archipelago
from interlock.explain.peers.caso import Cafo, Caso
from interlock.explain.peers.grad_cam import GradCam
from interlock.explain.peers.gradients import GradientInput, SmoothGrad
from interlock.explain.peers.guided_backprop import GuidedBackprop
from interlock.explain.peers.integrated_gradients import IntegratedGradients
from interlock.explain.peers.integrated_hessians import IntegratedHessians
from interlock.explain.peers.kernel_shap import KernelShap
from interlock.explain.peers.moxi import MoXI
from interlock.explain.peers.occlusion import Occlusion
from interlock.explain.peers.random_map import Random
from interlock.explain.peers.shapley_interactions import ShapleyInteractions
from interlock.explain.peers.xrai import Xrai

Kind = Literal["interaction", "attribution", "control"]
"""What a method looks for: features that act together, single features, or nothing."""
Explain = Callable[[nn.Module, Tensor, int], Tensor]
"""(model, (C, H, W), class) -> (H, W)."""


class Peer(Protocol):
    """A method that says which pixels matter for a class."""

    def saliency(self, x: Tensor, target: int) -> Tensor:
        """(C, H, W) -> (H, W) float32 on the CPU.

        Larger means more relevant for the class; the sign is kept where the method has one.
        Deterministic: the same peer, image and class give the same bytes. Model, image and random
        generators of the caller stay as they are.
        """


@dataclass(frozen=True)
class PeerFactory:
    """A method by name, ready to be given a model."""

    name: str
    make: Callable[..., Peer]
    """Takes the model and options by keyword."""
    kind: Kind
    """Whether it looks for features that act together, scores features one by one, or controls."""
    source: str
    """Paper, and the equation or section."""
    needs: tuple[str, ...] = ()
    """Modules of the extra ``lab``, by import name."""
    _options: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """All options by name, with their defaults."""
        if self._options is not None:
            return dict(self._options)
        parameters = inspect.signature(self.make).parameters.values()
        return {p.name: p.default for p in parameters if p.name != "model"}

    @property
    def missing(self) -> str | None:
        """What to install before the peer can be used, in one line; None where all is there."""
        absent = [module for module in self.needs if find_spec(module) is None]
        if not absent:
            return None
        return (
            f"peer {self.name!r} needs {' and '.join(absent)}; "
            "install it with: pip install 'interlock[lab]'"
        )

    def __call__(self, model: nn.Module, **options: Any) -> Peer:
        """The peer over a model.

        Raises:
            OptionError: an option is unknown or out of range, or a library is missing.
        """
        if self.missing:
            raise OptionError(self.missing)
        known = self.options
        for name in options:
            if name not in known:
                raise OptionError(
                    f"peer {self.name!r} has no option {name!r}; it has {', '.join(known)}"
                )
        try:
            return self.make(model, **options)
        except (OptionError, TypeError) as error:  # of the wrong type
            raise OptionError(f"peer {self.name!r}: {error}") from None


_CAPTUM = ("captum",)
_IG = "Sundararajan et al. 2017, arXiv 1703.01365, equation 1"
_GRADIENT = "Shrikumar et al. 2016, arXiv 1605.01713"
_SMOOTH = "Smilkov et al. 2017, arXiv 1706.03825"
_HSETS = "H-Sets, arXiv 2604.22045"
_CASO = "Singla et al. 2019, arXiv 1902.00407"


PEERS: dict[str, PeerFactory] = {
    entry.name: entry
    for entry in (
        PeerFactory(
            "h-sets", hsets.HSetsMap.default, "interaction", _HSETS + "; defaults by measurement",
            _options=hsets.options_of(published=False),
        ),
        PeerFactory(
            "h-sets-paper", hsets.HSetsMap.paper, "interaction", _HSETS + "; published settings",
            _options=hsets.options_of(published=True),
        ),
        PeerFactory("ig", IntegratedGradients, "attribution", _IG, _CAPTUM),
        PeerFactory(
            "ig-absolute", partial(IntegratedGradients, evidence="absolute"), "attribution", _IG,
            _CAPTUM,
        ),
        PeerFactory(
            "ig-positive", partial(IntegratedGradients, evidence="for"), "attribution", _IG, _CAPTUM
        ),
        PeerFactory(
            "ig-blur-positive", partial(IntegratedGradients, baseline="blur", evidence="for"),
            "attribution", _IG + "; blurred baseline", _CAPTUM,
        ),
        PeerFactory("smoothgrad", SmoothGrad, "attribution", _SMOOTH, _CAPTUM),
        PeerFactory(
            "smoothgrad-input", partial(SmoothGrad, times_input=True, evidence="for"),
            "attribution", _SMOOTH + "; times the input", _CAPTUM,
        ),
        PeerFactory("gradient-input", GradientInput, "attribution", _GRADIENT),
        PeerFactory(
            "gradient-blur", partial(GradientInput, baseline="blur"), "attribution",
            _GRADIENT + "; times what a blur takes away",
        ),
        PeerFactory(
            "grad-cam", GradCam, "attribution",
            "Selvaraju et al. 2017, arXiv 1610.02391, equations 1 and 2", _CAPTUM,
        ),
        PeerFactory(
            "guided-backprop", GuidedBackprop, "attribution",
            "Springenberg et al. 2015, arXiv 1412.6806",
        ),
        PeerFactory(
            "occlusion", Occlusion, "attribution",
            "Zeiler and Fergus 2014, arXiv 1311.2901, section 4.2", _CAPTUM,
        ),
        PeerFactory(
            "kernel-shap", KernelShap, "attribution",
            "Lundberg and Lee 2017, arXiv 1705.07874, theorem 2", ("captum", "sklearn"),
        ),
        PeerFactory(
            "xrai", Xrai, "attribution", "Kapishnikov et al. 2019, arXiv 1906.02825, algorithm 1"
        ),
        PeerFactory("cafo", Cafo, "attribution", _CASO + ", first order"),
        PeerFactory("caso", Caso, "interaction", _CASO + ", second order"),
        PeerFactory(
            "archipelago", Archipelago, "interaction",
            "Tsang et al. 2020, arXiv 2006.10965, ArchDetect and ArchAttribute",
        ),
        PeerFactory(
            "moxi", MoXI, "interaction",
            "Sumiyasu et al. 2024, arXiv 2401.03785, with self-context, by insertion",
        ),
        PeerFactory(
            "integrated-hessians", IntegratedHessians, "interaction",
            "Janizek et al. 2021, arXiv 2002.04138",
        ),
        PeerFactory(
            "shapley-interactions", ShapleyInteractions, "interaction",
            "Bord and von Luxburg 2023, arXiv 2209.04012; shapiq, arXiv 2410.01649", ("shapiq",),
        ),
        PeerFactory("random", Random, "control", "uniform noise"),
    )
}  # fmt: skip
"""Methods by name, as :func:`make_peer` and studies take them."""


def make_peer(name: str, model: nn.Module, **options: Any) -> Peer:
    """A peer by name, over a model.

    Args:
        name: one of :data:`PEERS`.
        model: (N, C, H, W) float -> (N, classes) logits, in eval mode.
        options: those of ``PEERS[name].options``.

    Raises:
        OptionError: the name or an option is unknown, an option is out of range, or a library
            of the extra ``lab`` is missing.
    """
    return _factory(name)(model, **options)


def explainer(name: str, **options: Any) -> Explain:
    """A peer by name as a function (model, x, target) -> (H, W), for what must explain again.

    Raises:
        OptionError: as :func:`make_peer`, at once and not at the first call.
    """
    factory = _factory(name)
    factory(nn.Identity(), **options)
    return lambda model, x, target: factory(model, **options).saliency(x, target)


def _factory(name: str) -> PeerFactory:
    if name not in PEERS:
        raise OptionError(f"peer {name!r} is unknown; use one of {', '.join(PEERS)}")
    return PEERS[name]
