"""Which pixels act together in a classifier's decision (H-Sets, arXiv 2604.22045)."""

from interlock.explain.explanation import Explanation
from interlock.explain.hsets import HSets
from interlock.explain.measures.curves import Curve, Deletion, Insertion, deletion, insertion
from interlock.explain.measures.faithfulness import (
    PERCENTAGES,
    Grey,
    Road,
    RoadLeast,
    gini,
    grey,
    nonzero,
    road,
)
from interlock.explain.measures.metrics import METRICS, Metric
from interlock.explain.measures.sanity import WeightSensitivity, randomised_weights
from interlock.explain.measures.stability import Stability, stability
from interlock.explain.priors import Prior
from interlock.explain.removal import take_away
from interlock.names import PriorName

__all__ = [
    "METRICS",
    "PERCENTAGES",
    "Curve",
    "Deletion",
    "Explanation",
    "Grey",
    "HSets",
    "Insertion",
    "Metric",
    "Prior",
    "PriorName",
    "Road",
    "RoadLeast",
    "Stability",
    "WeightSensitivity",
    "deletion",
    "gini",
    "grey",
    "insertion",
    "nonzero",
    "randomised_weights",
    "road",
    "stability",
    "take_away",
]
