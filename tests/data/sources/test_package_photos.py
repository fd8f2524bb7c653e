"""Photos of the scikit-image package: real, few, and the same everywhere."""

from __future__ import annotations

import pickle

import pytest
import torch

from interlock.data import open_source
from interlock.errors import DataError, OptionError
from interlock.models import load_classifier


def test_the_embedded_classifier_knows_the_subjects() -> None:
    classifier = load_classifier("embedded")
    samples = [*open_source("skimage", "subjects"), *open_source("skimage", "subjects", crops=16)]
    assert len(samples) == 4 + 16
    x = torch.stack([classifier.preprocess(sample.read()) for sample in samples])
    with torch.no_grad():
        answers = classifier.model(x).argmax(dim=1)
    assert [classifier.labels[k] for k in answers] == [sample.label for sample in samples]


def test_crops_are_seeded_and_differ() -> None:
    source = open_source("skimage", "clean", crops=20)
    digests = [sample.digest() for sample in source]
    assert len(set(digests)) == 20
    assert [sample.digest() for sample in open_source("skimage", "clean", crops=20)] == digests
    assert open_source("skimage", "clean", crops=5).sample(4).digest() == digests[4]
    other = open_source("skimage", "clean", crops=20, seed=1)
    assert not {sample.digest() for sample in other} & set(digests)
    assert {sample.label for sample in source} == {None}
    again = pickle.loads(pickle.dumps(source.sample(3)))
    assert again.digest() == digests[3]
    assert source.sample(3).read().size[0] == source.sample(3).read().size[1]


def test_bad_options() -> None:
    with pytest.raises(DataError, match="'nothing' is unknown; use 'subjects' or 'clean'"):
        open_source("skimage", "nothing")
    with pytest.raises(OptionError, match="crops is missing"):
        open_source("skimage", "clean")
    with pytest.raises(OptionError, match="crops=0"):
        open_source("skimage", "subjects", crops=0)
