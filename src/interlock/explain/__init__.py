"""Which pixels act together in a classifier's decision (H-Sets, arXiv 2604.22045)."""

from interlock.explain.explanation import Explanation
from interlock.explain.faithfulness import PERCENTAGES, Road, gini, road
from interlock.explain.hsets import HSets
from interlock.explain.priors import Prior, PriorName

__all__ = [
    "PERCENTAGES",
    "Explanation",
    "HSets",
    "Prior",
    "PriorName",
    "Road",
    "gini",
    "road",
]
