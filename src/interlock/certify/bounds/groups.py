"""Prompts that come in groups: bounds that hold whatever ties the members of a group together.

Attacks with one template, one suffix or one goal stand and fall together, so a hundred of them may
be worth one draw. Here the independent draws are the *groups*. The population is one of groups:
draw a group, then one of its members, each with the same chance. With x_1, ..., x_s in [0, 1] the
values of a group's members, z = (x_1 + ... + x_s) / s has the expectation that is asked for, and z
lies in [0, 1] however the x depend on each other. Two bounds serve:

* **betting** on the z (:mod:`interlock.certify.bounds.betting`), means of independent values;
* **one member** of each group, drawn at random: y_g in {0, 1} has the mean of z_g, and the number
  of ones is bounded exactly (Clopper and Pearson). Where nothing is known to draw by, **all
  members** together: y_g = 1 where each of them is a hit, whose mean is at most that of z_g.

Nowhere need the groups have equal laws. For independent z_g with means theta_g and a stake lambda,
the expected product of 1 + lambda (z_g - m) is at most (1 + lambda (theta - m))^G at the average
theta, since a geometric mean is at most the arithmetic one. And a sum of independent y_g with
average theta reaches s >= G theta + 1 no more often than a binomial one (Hoeffding, "On the
distribution of the number of successes in independent trials", 1956); Clopper and Pearson's bound
exceeds theta only from such an s on, but for s = 1, where (1 - confidence) / G holds by Boole's
inequality and is taken (:func:`_exact`). So sizes may be anything, also such that large groups are
the hard ones: given the sizes, both hold for the same quantity, theta, the mean over the groups of
the mean over a group's members. Which of them is made may therefore depend on the sizes, and on
nothing else (:func:`standing`): where members have nothing in common their means say more, where
they end alike, or few share a group at all, one member does
(``docs/experiments/certify.md`` has what was measured).

The member is drawn by hashes of the prompts (:func:`one_of_each`): whoever has seen the votes has
no seed left to choose, and neither order, other rows nor numbers of groups change the draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.certify.bounds.betting import betting_lower
from interlock.certify.bounds.counts import lower_bound
from interlock.errors import DataError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Standing = NDArray[np.bool_]

ONE_MEMBER_FROM, ALL_MEMBERS_FROM = 0.3, 0.9
"""Mean of 1 / size over groups from which on one member of each is drawn; and, where there is
nothing to draw by, from which on all members of each count together."""
_HOEFFDING = 0.75  # the confidence from which on a bound exceeds theta above G theta + 1 alone


def check_groups(groups: ArrayLike, prompts: int) -> Labels:
    """(n,) group of each prompt, numbered 0 to G - 1, from any ids.

    Raises:
        DataError: not one id for each prompt, or an id is missing.
    """
    ids = np.asarray(groups)
    if ids.shape != (prompts,):
        raise DataError(
            f"groups: give one id for each of the {prompts} prompts, in order; "
            f"got shape {ids.shape}"
        )
    number_of: dict[object, int] = {}
    labels = [number_of.setdefault(one, len(number_of)) for one in ids.tolist()]
    if any(one is None or one != one for one in number_of):
        raise DataError("groups: every prompt needs an id, a number or a text; some are missing")
    return np.array(labels, dtype=np.int64)


def check_texts(texts: Sequence[str], prompts: int) -> tuple[str, ...]:
    """(n,) the text of each prompt.

    Raises:
        DataError: not one text for each prompt.
    """
    given = () if isinstance(texts, str) else tuple(texts)
    if len(given) != prompts or not all(isinstance(one, str) for one in given):
        raise DataError(f"texts: give the text of each of the {prompts} prompts, in order")
    return given


def group_means(values: ArrayLike, groups: Labels | None) -> Floats:
    """(G,) the mean of each group's values in [0, 1]; the (n,) values where there are no groups."""
    x = np.asarray(values, dtype=np.float64)
    if groups is None:
        return x
    means: Floats = np.bincount(groups, x) / np.bincount(groups)
    return np.clip(means, 0.0, 1.0)


def standing(groups: Labels, texts: Sequence[str] | None) -> Standing | None:
    """(n,) the members that stand for their group in its bound; None where its mean does.

    By the sizes of the groups alone. A group is a hit where all that stand for it are.

    Args:
        groups: (n,) as :func:`check_groups` numbers them.
        texts: (n,) the prompts, or all that tells each from the others; None where unknown.
    """
    alone = float((1 / np.bincount(groups)).mean())
    if texts is not None and alone >= ONE_MEMBER_FROM:
        return one_of_each(groups, texts)
    return np.ones(groups.size, dtype=bool) if alone >= ALL_MEMBERS_FROM else None


def one_of_each(groups: Labels, texts: Sequence[str]) -> Standing:
    """(n,) the member of each group whose text has the least SHA-256: a draw without a seed.

    Equal texts are drawn together, so that the worst of them counts.
    """
    hashes = [sha256(one.encode("utf-8", "surrogatepass")).digest() for one in texts]
    least: dict[int, bytes] = {}
    for group, digest in zip(groups.tolist(), hashes, strict=True):
        least[group] = min(least.get(group, digest), digest)
    return np.array([least[g] == d for g, d in zip(groups.tolist(), hashes, strict=True)])


def share_lower(
    hits: NDArray[np.bool_],
    groups: Labels | None,
    confidence: float,
    standing: Standing | None = None,
) -> float:
    """A lower confidence bound on the share of hits, for a group, then a member, at random.

    Where no two prompts share a group it is Clopper and Pearson's, which is exact.

    Args:
        hits: (n,) what was observed of each prompt.
        groups: (n,) as :func:`check_groups` numbers them; None takes prompts as independent.
        confidence: in (0, 1); below 0.75 groups are bounded by their means.
        standing: (n,) the members that stand for their group; None bounds by their means.
    """
    means = group_means(hits, groups)
    if means.size == hits.size:
        return float(lower_bound(int(hits.sum()), hits.size, confidence))
    if groups is None or standing is None or confidence < _HOEFFDING:
        return betting_lower(means, confidence)
    lost = np.bincount(groups[standing], ~hits[standing], minlength=means.size)
    return _exact(int((lost == 0).sum()), means.size, confidence)


def _exact(hits: int, groups: int, confidence: float) -> float:
    """Clopper and Pearson's bound, valid where the groups' chances differ."""
    bound = float(lower_bound(hits, groups, confidence))
    return min(bound, (1 - confidence) / groups) if hits == 1 else bound
