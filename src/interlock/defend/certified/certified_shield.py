"""An answer that no patch of a size can change, wherever it lies and whatever it shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from interlock.defend.certified.cover import check_area, cover_masks, patch_boxes
from interlock.defend.certified.masked_labels import MaskedLabels
from interlock.defend.certified.masked_model import MaskedModel
from interlock.defend.certified.rule import (
    NO_MASK,
    UNKNOWN,
    Asking,
    Decision,
    T,
    Table,
    all_are,
    decide,
    detect,
    right_rows,
)
from interlock.defend.fill import Fill
from interlock.defend.shield.shield import ConceptShield
from interlock.errors import OptionError
from interlock.models.pixel_range import check_batch
from interlock.models.steady import ask, check_steady
from interlock.names import InnerMaps

Mode = Literal["recover", "detect"]
FLOOR = 1e-4
"""Share that a class without any vote is given before the logarithm."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said of N images."""

    labels: Tensor
    """(N,) long."""
    assured: Tensor
    """(N,) bool: whatever patch of the assumed size an attacker put into the image, without it the
    answer would have been the same. He can take this away, and cannot forge it. Never of
    detection."""
    alarm: Tensor
    """(N,) bool: labels under single masks disagree, as far as they were asked."""
    passes: Tensor
    """(N,) long: images that the model classified for it, a shield's passes included."""
    passes_to_answer: Tensor
    """(N,) long: those of them that the label took; the others are for ``assured``."""
    decided: Tensor
    """(N,) bool: whether a row of labels was constant; otherwise the fallback answered, or the
    majority of single masks."""
    hidden: Tensor
    """(N, 1, H, W) bool: the mask whose row decided; empty where single masks agree, or none
    did."""
    shares: Tensor
    """(N, classes): of the votes that decided; each row's largest is its label's."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What is known of N clean images and their true classes."""

    labels: Tensor
    """(N,) long: the answers."""
    passes: Tensor
    """(N,) long: that the answers took."""
    certified: Tensor
    """(N,) bool: right, whatever one patch shows, wherever it lies."""
    detected: Tensor
    """(N,) bool: right without an alarm, and no patch makes it wrong without one."""
    assured: Tensor
    """(N,) bool: see ``Verdict``; right and wrong answers."""
    own: Tensor
    """(N,) long: what the bare model says."""
    seconds: float
    """That all the answers took, without what else is told here."""


@dataclass
class _Image:
    """One image on its way through the rules."""

    table: Table
    first: tuple[int, ...] = ()
    fallback: Callable[[], int] | None = None
    logits: list[Tensor] = field(default_factory=list)
    """The fallback's, once it was asked."""
    more: int = 0
    """Passes of a shield."""


class CertifiedShield(nn.Module):
    """Double masking in any order (``docs/defend.md``, theorems 1 to 5), around any classifier.

    The model is asked under each of a set of masks, one of which hides any patch of the assumed
    size, and under pairs of them. If all labels under one mask and any other agree, that label is
    the answer: no patch under that mask has any part in it. So whatever an attacker paints
    into one place of an image that is ``certified``, the answer stays. Where no mask has such a
    row, the answer of ``shield`` is given, or the majority's under single masks.

    In mode ``"detect"`` only single masks are asked: the label they agree on, or an alarm. No patch
    changes the label of a certified image without an alarm.

    Labels do not depend on the batch: near ties (less than 0.1 % of the largest logit, 8 units of
    rounding in half precision) are asked again alone, and are never certified nor assured.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, in eval mode; at least two classes.
        area: share of the image that the patch covers, in (0, 1). A square's sides are rounded up
            to whole pixels.
        masks: positions on each axis, k: ``k ** 2`` masks (for each band of ``aspect``), at least
            2.
        fill: what a mask shows: ``"pull_push"`` (smoothly from around it), a number or a colour
            (C,) in the model's input space, or ``"drop"``: hidden tokens of a ViT are dropped.
        inner: what a mask does to the maps inside the model: ``"filled"``, where they are mostly
            hidden they too are filled from around, where the two resolutions before the coarsest
            one end, and averages over whole maps leave them out; or ``"plain"``, nothing. A model
            without such maps, or that does not show them (a ViT, a scripted one), is left alone.
        shield: answers where no row is constant, and says by its foreign cells which rows are asked
            first. It can change no certified answer.
        mode: ``"recover"`` or ``"detect"``.
        aspect: rectangles of the area up to this ratio of sides are covered too; 1: squares. From
            there to 2 the masks of two bands are needed, to 4 of four.
        allowance: pixels by which the masks reach beyond the area in height and in width. A photo's
            square of s pixels on the model's grid touches up to s + 2 after bilinear reduction, s
            + 4 after bicubic; 0 where patches are put into the model's input itself.
        batch_size: masked images that are classified at a time.

    Raises:
        OptionError: an option out of range; when called, a patch or so many masks do not fit.
        ModelError: when called, layers in training mode, logits that are not finite, of one class
            alone, or that depend on what else is in the batch.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        area: float,
        masks: int = 6,
        fill: Fill = "pull_push",
        inner: InnerMaps = "filled",
        shield: ConceptShield | None = None,
        mode: Mode = "recover",
        aspect: float = 1.0,
        allowance: int = 2,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        check_area(area, aspect, allowance)
        for name, value, least in (("masks", masks, 2), ("batch_size", batch_size, 1)):
            if value < least:
                raise OptionError(f"{name}={value}; use at least {least}")
        if mode not in get_args(Mode):
            raise OptionError(f"mode={mode!r} is unknown; use 'recover' or 'detect'")
        if shield is not None and shield.model is not model:
            raise OptionError("shield: it is around another model; fit or load it with this one")
        self.model, self.area, self.masks, self.mode = model, area, masks, mode
        self.shield, self.aspect, self.allowance = shield, aspect, allowance
        self.batch_size = batch_size
        self.under = MaskedModel(model, fill, inner)
        """(N, C, H, W), and (N, 1, H, W) bool -> (N, classes) logits of what masks leave."""
        self._sizes_seen: set[tuple[int, ...]] = set()
        self.training = False  # as the model, which train() and eval() of this would change

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes): log shares of the votes that decided, without gradients."""
        return self.verdict(images, assure=False).shares.clamp_min(FLOOR).log()

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels."""
        return self.verdict(images, assure=False).labels

    def verdict(self, images: Tensor, *, assure: bool = True) -> Verdict:
        """Labels, and which of them are assured.

        Args:
            images: (N, C, H, W).
            assure: find out what is assured: that takes all pairs of masks where all agree (666 at
                36 masks). Otherwise nothing is, and each image is left as soon as its label is
                known, as in ``predict``.
        """
        asking, states = self._begun(images)
        decisions = self._decided(asking, states)
        answering = self._passes(asking, states)
        assured = [False] * len(states)
        if assure:
            assured = self._assured(asking, states, decisions)
        masks = self.mask_set(*images.shape[-2:])
        none = torch.zeros_like(masks[0])
        hidden = [masks[d.row] if d.row != NO_MASK else none for d in decisions]
        passes = self._passes(asking, states)
        place = images.device
        return Verdict(
            labels=torch.tensor([d.label for d in decisions], dtype=torch.long, device=place),
            assured=torch.tensor(assured, dtype=torch.bool, device=place),
            alarm=torch.tensor(
                [d.alarm or _disagree(one) for d, one in zip(decisions, states, strict=True)],
                dtype=torch.bool,
                device=place,
            ),
            passes=torch.tensor(passes, dtype=torch.long, device=place),
            passes_to_answer=torch.tensor(answering, dtype=torch.long, device=place),
            decided=torch.tensor(
                [d.by == "row" for d in decisions], dtype=torch.bool, device=place
            ),
            hidden=torch.stack(hidden).to(place) if hidden else none[None][:0].to(place),
            shares=self._shares(asking, states, decisions).to(place),
        )

    def passes(self, images: Tensor) -> Tensor:
        """(N,) long: forward passes that each answer takes, assurance aside."""
        return self.verdict(images, assure=False).passes_to_answer

    def certified(self, images: Tensor, labels: Tensor) -> Tensor:
        """Which labels are right, and stay so whatever one patch shows, wherever it lies.

        Args:
            images: (N, C, H, W), clean.
            labels: (N,) true classes.

        Returns:
            (N,) bool. Of detection: no patch changes the label without an alarm, and the clean
            image raises none.
        """
        check_batch(images, labels)
        asking, states = self._begun(images, shielded=False)
        right = self._all_are(asking, states, labels, single=self.mode == "detect")
        return torch.tensor(right, dtype=torch.bool, device=images.device)

    def measured(self, images: Tensor, labels: Tensor) -> Measured:
        """All that a card tells of clean images; each pair of masks is asked once.

        Args:
            images: (N, C, H, W), clean.
            labels: (N,) true classes.
        """
        check_batch(images, labels)
        start = time.perf_counter()
        asking, states = self._begun(images)
        decisions = self._decided(asking, states)
        seconds = time.perf_counter() - start
        passes = self._passes(asking, states)
        detected = self._all_are(asking, states, labels, single=True)
        certified = self._all_are(asking, states, labels, single=self.mode == "detect")
        assured = self._assured(asking, states, decisions)
        with torch.no_grad():
            own = torch.cat([ask(self.model, x[None]).argmax(dim=1) for x in images])
        place = images.device
        return Measured(
            labels=torch.tensor([d.label for d in decisions], dtype=torch.long, device=place),
            passes=torch.tensor(passes, dtype=torch.long, device=place),
            certified=torch.tensor(certified, dtype=torch.bool, device=place),
            detected=torch.tensor(detected, dtype=torch.bool, device=place),
            assured=torch.tensor(assured, dtype=torch.bool, device=place),
            own=own,
            seconds=seconds,
        )

    def safe_places(self, image: Tensor, label: int) -> Tensor:
        """Where a patch can do no harm, even if others can elsewhere.

        Args:
            image: (C, H, W), or a batch of one; clean.
            label: its true class.

        Returns:
            (H, W) bool: True where no patch of the assumed size that covers this pixel changes the
            label (of detection: without an alarm). All True if and only if the image is
            ``certified``, but for false alarms of detection.
        """
        x = image if image.ndim == 4 else image[None]
        if x.ndim != 4 or len(x) != 1:
            raise OptionError(f"safe_places takes one image, not {tuple(image.shape)}")
        check_batch(x, torch.tensor([label]))
        asking, states = self._begun(x, shielded=False)
        single = self.mode == "detect"
        (right,) = self._run(
            asking, states, lambda one: right_rows(one.table, label, single=single)
        )
        masks = self.mask_set(*x.shape[-2:])[:, 0]
        return ~masks[~torch.tensor(right)].any(dim=0).to(x.device)

    def mask_set(self, height: int, width: int) -> Tensor:
        """(masks, 1, H, W) bool, True where hidden: one hides any patch of the assumed size.

        Raises:
            OptionError: the patch, or so many masks, do not fit into the image.
        """
        boxes = patch_boxes(self.area, height, width, self.aspect, self.allowance)
        return cover_masks(boxes, height, width, self.masks)

    def _begun(self, images: Tensor, *, shielded: bool = True) -> tuple[MaskedLabels, list[_Image]]:
        """Who is asked, and the images with nothing known yet."""
        check_batch(images, torch.zeros(len(images), dtype=torch.long))
        check_steady(self.model)
        masks = self.mask_set(*images.shape[-2:])
        asking = MaskedLabels(self.under, images, masks.to(images.device), self.batch_size)
        size = tuple(images.shape[1:])
        if len(images) and size not in self._sizes_seen:
            MaskedLabels(self.under, images, masks.to(images.device), 4).check_batches()
            self._sizes_seen.add(size)
        states = [_Image(Table(len(masks))) for _ in images]
        if shielded and self.shield is not None and self.mode == "recover":
            for k, one in enumerate(states):
                self._look(self.shield, one, images[k : k + 1], masks)
        return asking, states

    def _look(self, shield: ConceptShield, one: _Image, image: Tensor, masks: Tensor) -> None:
        """Order an image's masks by what is foreign under them, and have the shield fall back."""
        with torch.no_grad():
            foreign = shield.look(image)[1].detach().cpu().double()
        one.more += 1
        if float(foreign.max()) > shield.settings.trigger:
            excess = (foreign - 1).clamp_min(0).square()
            under = (excess * masks).flatten(1).sum(dim=1) / masks.flatten(1).sum(dim=1).sqrt()
            one.first = tuple(under.argsort(descending=True, stable=True).tolist())

        def fallback() -> int:
            with torch.no_grad():
                answer = shield.answer(image)
            one.more += int(answer.passes[0])
            one.logits.append(answer.logits[0].float())
            return int(answer.labels[0])

        one.fallback = fallback

    def _decided(self, asking: MaskedLabels, states: Sequence[_Image]) -> list[Decision]:
        if self.mode == "detect":
            return self._run(asking, states, lambda one: detect(one.table))
        return self._run(asking, states, lambda one: decide(one.table, one.first, one.fallback))

    def _assured(
        self, asking: MaskedLabels, states: Sequence[_Image], decisions: Sequence[Decision]
    ) -> list[bool]:
        """Of each answer, by all pairs of masks; never of detection."""
        if self.mode == "detect":
            return [False] * len(states)
        answers = torch.tensor([d.label for d in decisions], dtype=torch.long)
        return self._all_are(asking, states, answers, single=False)

    def _all_are(
        self, asking: MaskedLabels, states: Sequence[_Image], labels: Tensor, *, single: bool
    ) -> list[bool]:
        """Whether all labels of each image, or all under single masks, are this one, clearly."""
        wanted = {id(one): int(label) for one, label in zip(states, labels, strict=True)}
        right = self._run(
            asking, states, lambda one: all_are(one.table, wanted[id(one)], single=single)
        )
        if states and int(labels.max()) >= asking.classes:
            raise OptionError(f"label {int(labels.max())}; the model has {asking.classes} classes")
        return right

    @staticmethod
    def _passes(asking: MaskedLabels, states: Sequence[_Image]) -> list[int]:
        return [count + one.more for count, one in zip(asking.passes, states, strict=True)]

    def _run(
        self,
        asking: MaskedLabels,
        states: Sequence[_Image],
        rule: Callable[[_Image], Asking[T]],
    ) -> list[T]:
        """Each image's result of a rule; what all of them ask goes to the model together."""
        rules = [rule(one) for one in states]
        results: dict[int, T] = {}
        while len(results) < len(rules):
            asked = []
            for n, one in enumerate(rules):
                if n not in results:
                    try:
                        asked += [(n, a, b) for a, b in next(one)]
                    except StopIteration as end:
                        results[n] = end.value
            for (n, a, b), answer in zip(asked, asking(asked), strict=True):
                states[n].table.put((a, b), *answer)
        return [results[n] for n in range(len(rules))]

    def _shares(
        self, asking: MaskedLabels, states: Sequence[_Image], decisions: Sequence[Decision]
    ) -> Tensor:
        """(N, classes) of the votes that decided; of a shield's answer its probabilities."""
        if not states:
            return asking.logits([])
        shares = torch.zeros(len(states), asking.classes)
        for row, one, decision in zip(shares, states, decisions, strict=True):
            if decision.by == "row":
                row[decision.label] = 1
            elif decision.by == "fallback":
                row += one.logits[0].softmax(dim=0).cpu()
            else:
                row += (
                    torch.bincount(
                        torch.from_numpy(one.table.labels.diagonal().copy()), minlength=len(row)
                    )
                    / one.table.masks
                )
        return shares


def _disagree(one: _Image) -> bool:
    labels = one.table.labels.diagonal()
    return len(set(labels[labels != UNKNOWN].tolist())) > 1
