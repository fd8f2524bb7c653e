"""Seeds of what is drawn."""

from __future__ import annotations

import operator

from interlock.errors import OptionError

END = 2**63
"""Generators take whole numbers below it."""


def check_seed(seed: int) -> None:
    """Refuse what no generator takes.

    Raises:
        OptionError: no whole number, below 0, or 2^63 and more.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if isinstance(seed, bool) or not 0 <= number < END:
        raise OptionError(f"seed={seed!r}; use a whole number from 0 to 2**63 - 1")
