"""Names that options take: one list each, for library and command alike. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal, get_args

# explain
PriorName = Literal["slic", "felzenszwalb", "quickshift", "grid", "none", "sam"]
"""Which pixels H-Sets takes for one region: a segmentation, a grid, or each pixel for itself."""

# defend
Shape = Literal["square", "rectangle", "disc"]
"""Outline of a patch."""
Norm = Literal["free", "l2"]
"""What bounds a patch: nothing but the pixels' range, or an L2 ball around the photo's pixels."""
AttackName = Literal[
    "patch", "searched", "targeted", "l2", "two-patches", "universal", "adaptive", "black-box"
]
ATTACKS: tuple[AttackName, ...] = get_args(AttackName)
ON_SHIELD: tuple[AttackName, ...] = ("adaptive", "black-box")
"""Made against the shield, or another defence; the others know the bare model alone."""
PeerName = Literal["paper", "patchcleanser", "lgs"]
PEERS: tuple[PeerName, ...] = get_args(PeerName)
MaskFill = Literal["pull_push", "drop"]
"""What a mask of a certified answer shows: what surrounds it, or nothing (a ViT's tokens)."""
InnerMaps = Literal["filled", "plain"]
"""What a mask of a certified answer does to the maps inside the model: they are filled from around,
too, or left as they are."""

# certify
PerturbationKind = Literal["swap", "patch", "insert"]
KINDS: tuple[PerturbationKind, ...] = get_args(PerturbationKind)
DefenceName = Literal["smooth", "drop", "erase", "self", "perplexity", "classifier"]
DEFENCES: tuple[DefenceName, ...] = get_args(DefenceName)
ClassifierForm = Literal["question", "safety"]
"""How a classifier is asked: a question that yes or no answers, or the text itself, which it calls
safe or unsafe."""
FORMS: tuple[ClassifierForm, ...] = get_args(ClassifierForm)
AnswerFrom = Literal["original", "copy"]
"""Whose answer a released prompt gets: that of the prompt as it came, or of a copy that voted."""
FailedAttacks = Literal["out", "in", "successful only"]
"""What a certificate does with attacks that failed."""
Missing = Literal["error", "jailbreak"]
"""What an empty cell of a table of votes is."""
RubricName = Literal["default", "jailbreakbench", "strongreject"]
RUBRICS: tuple[RubricName, ...] = get_args(RubricName)
"""What a judging model is asked."""

# guard
VoteOutcome = Literal["released", "blocked", "undecided", "filtered"]
"""``filtered``: the upstream's own filter withheld the answer."""

GuardMode = Literal["guard", "monitor"]

# lab
EngineName = Literal["local", "ray"]
