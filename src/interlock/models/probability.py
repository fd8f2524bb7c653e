"""What logits say of a class as a probability."""

from __future__ import annotations

from torch import Tensor, nn


def probabilities(logits: Tensor, independent: bool = False) -> Tensor:
    """(..., classes) logits -> probabilities of the same shape, in [0, 1].

    Args:
        logits: of one head. A single logit is that of "yes", so its sigmoid is taken.
        independent: whether each class has a yes or no of its own, as with several labels for
            one image: the sigmoid of each, in the place of a softmax over all.
    """
    if independent or logits.shape[-1] == 1:
        return logits.sigmoid()
    return logits.softmax(dim=-1)


def has_independent_labels(model: nn.Module) -> bool:
    """Whether a ``transformers`` configuration, the model's own or that of a part, says so."""
    configs = [getattr(part, "config", None) for part in (model, *model.children())]
    return any(
        getattr(config, "problem_type", None) == "multi_label_classification" for config in configs
    )
