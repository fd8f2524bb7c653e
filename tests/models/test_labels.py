"""The class that the label of a photo names, for folders and data sets alike."""

from __future__ import annotations

import pytest

from interlock.errors import OptionError
from interlock.models.labels import labelled_class

LABELS = ["tiger cat", "snow_owl", "Dog", "2"]


@pytest.mark.parametrize(
    ("name", "index"),
    [("tiger_cat", 0), ("tiger cat", 0), ("snow_owl", 1), ("dog", 2), ("2", 3), ("1", 1)],
)
def test_a_label_is_a_name_or_a_number(name: str, index: int) -> None:
    assert labelled_class(name, LABELS) == index


def test_no_such_class() -> None:
    for name in ("tiger", "4", "snow owl"):
        with pytest.raises(OptionError, match="the model has"):
            labelled_class(name, LABELS)
