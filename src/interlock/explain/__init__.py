"""Which pixels act together in a classifier's decision (H-Sets, arXiv 2604.22045)."""

from interlock.explain.curves import Curve, Deletion, Insertion, deletion, insertion
from interlock.explain.explanation import Explanation
from interlock.explain.faithfulness import (
    PERCENTAGES,
    Grey,
    Road,
    RoadLeast,
    gini,
    grey,
    nonzero,
    road,
)
from interlock.explain.hsets import HSets
from interlock.explain.metrics import METRICS, Metric
from interlock.explain.priors import Prior, PriorName
from interlock.explain.sanity import WeightSensitivity, randomised_weights
from interlock.explain.stability import Stability, stability

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
]
