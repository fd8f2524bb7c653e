"""Prompts that come in groups: bounds that hold whatever ties the members of a group together.

Attacks with one template, one suffix or one goal stand and fall together, so a hundred of them may
be worth one draw. Here the independent draws are the *groups*. The population is one of groups:
draw a group, then one of its members, each with the same chance. With x_1, ..., x_s in [0, 1] the
values of a group's members, z = (x_1 + ... + x_s) / s has the expectation that is asked for, and z
lies in [0, 1] however the x depend on each other. So a bound on the mean of independent bounded
values serves, and the betting bound is one (:mod:`interlock.certify.bounds.betting`).

Nowhere need the groups have equal laws: for independent z_g with means theta_g and a stake lambda,
the expected product of 1 + lambda (z_g - m) is at most (1 + lambda (theta - m))^G at the average
theta, since a geometric mean is at most the arithmetic one. So sizes may be anything, also such
that large groups are the hard ones: the bound holds for the average over groups of the sizes that
were measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.certify.bounds.betting import betting_lower
from interlock.certify.bounds.counts import lower_bound
from interlock.errors import DataError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


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


def group_means(values: ArrayLike, groups: Labels | None) -> Floats:
    """(G,) the mean of each group's values in [0, 1]; the (n,) values where there are no groups."""
    x = np.asarray(values, dtype=np.float64)
    if groups is None:
        return x
    means: Floats = np.bincount(groups, x) / np.bincount(groups)
    return np.clip(means, 0.0, 1.0)


def share_lower(hits: NDArray[np.bool_], groups: Labels | None, confidence: float) -> float:
    """A lower confidence bound on the share of hits, for a group, then a member, at random.

    Where no two prompts share a group it is Clopper and Pearson's, which is exact.

    Args:
        hits: (n,) what was observed of each prompt.
        groups: (n,) as :func:`check_groups` numbers them; None takes prompts as independent.
        confidence: in (0, 1).
    """
    means = group_means(hits, groups)
    if means.size == hits.size:
        return float(lower_bound(int(hits.sum()), hits.size, confidence))
    return betting_lower(means, confidence)
