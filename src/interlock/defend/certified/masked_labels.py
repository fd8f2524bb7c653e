"""What a model says under masks, the same in any batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from interlock.models.steady import check_alone, check_classes, check_finite, check_repeatable

NEAR = 1e-3
"""A label less than this above the next one, as a share of the largest logit, is a near tie."""
NEAR_TF32 = 1e-2
"""The same on a GPU whose convolutions round to TF32."""
Question = tuple[int, int, int]
"""An image and two masks, by number."""
UnderMasks = Callable[[Tensor, Tensor], Tensor]
"""(N, C, H, W), and (N, 1, H, W) bool -> (N, classes) logits of what the masks leave."""


class MaskedLabels:
    """Labels of masked images, each a function of its image and masks alone.

    A convolution rounds otherwise in another batch, and a label that lies close above the next one
    may turn. Such near ties are asked again, alone: their label is that of the image by itself,
    whatever was in the batch.

    Args:
        under: the model under masks.
        images: (N, C, H, W).
        masks: (M, 1, H, W) bool, where the images are.
        batch_size: of what is asked at a time.

    Attributes:
        classes: of the model; 0 before anything was asked.
        passes: (N,) images that the model classified, for each of the images.
    """

    def __init__(self, under: UnderMasks, images: Tensor, masks: Tensor, batch_size: int) -> None:
        self._under, self._images, self._masks = under, images, masks
        self._batch_size = batch_size
        self.classes = 0
        self.passes = [0] * len(images)

    def __call__(self, questions: Sequence[Question]) -> list[tuple[int, float, bool]]:
        """For each question the label, its lead as a share of the largest logit, and whether it
        is clear.

        Raises:
            ModelError: logits that are not finite, of one class alone, or that depend on what else
                is in the batch.
        """
        answers = []
        for start in range(0, len(questions), self._batch_size):
            part = questions[start : start + self._batch_size]
            logits = self.logits(part)
            labels, gaps, clear = _read(logits)
            for k, question in enumerate(part):
                if not clear[k] and len(part) > 1:
                    alone = self.logits([question])
                    _check_alone(logits[k], alone[0])
                    (labels[k],), (gaps[k],), _ = _read(alone)
                answers.append((labels[k], gaps[k], clear[k]))
        return answers

    def logits(self, questions: Sequence[Question]) -> Tensor:
        """(Q, classes)."""
        for number, _, _ in questions:
            self.passes[number] += 1
        n, a, b = ([question[k] for question in questions] for k in range(3))
        with torch.no_grad():
            logits = self._under(self._images[n], self._masks[a] | self._masks[b])
        check_finite(logits)
        check_classes(logits)
        self.classes = logits.shape[1]
        return logits

    def check_batches(self) -> None:
        """Compare images in a batch with the same again, and with each alone.

        Raises:
            ModelError: they differ by more than rounding.
        """
        last = len(self._masks) - 1
        questions: list[Question] = [(n % len(self._images), 0, (n * last) // 3) for n in range(4)]
        together = self.logits(questions)
        check_repeatable(together, self.logits(questions))
        for k in (0, 3):
            _check_alone(together[k], self.logits([questions[k]])[0])


def _read(logits: Tensor) -> tuple[list[int], list[float], list[bool]]:
    """Labels, leads, and whether these are no near ties."""
    wide = logits.detach().to(torch.promote_types(logits.dtype, torch.float32))
    best = wide.topk(2, dim=1).values
    scale = wide.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
    gaps = (best[:, 0] - best[:, 1]) / scale
    clear = gaps > _near(logits)
    return wide.argmax(dim=1).tolist(), gaps.tolist(), clear.tolist()


def _near(logits: Tensor) -> float:
    """``NEAR``, or what the precision at work needs."""
    reduced = logits.is_cuda and torch.backends.cudnn.allow_tf32
    return max(NEAR, 8 * torch.finfo(logits.dtype).eps, NEAR_TF32 if reduced else 0.0)


def _check_alone(together: Tensor, alone: Tensor) -> None:
    """By half of what makes a near tie: what is clear in one batch cannot turn in another."""
    check_alone(together, alone, _near(alone) / 2)
