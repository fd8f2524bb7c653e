"""Take the patch's concept away: concepts of a classifier, the shield, attacks and peers."""

from interlock.defend.adaptive import AdaptiveAttack
from interlock.defend.answer import Inspection
from interlock.defend.bank import ConceptBank
from interlock.defend.black_box import BlackBoxPatchAttack
from interlock.defend.defences import DEFENCES, Reply, Row, Scene, make_defence
from interlock.defend.gradient_smoothing import LocalGradientsSmoothing
from interlock.defend.patch_attack import PatchAttack, Patched
from interlock.defend.patch_cleanser import PatchCleanser
from interlock.defend.regions import Place
from interlock.defend.shield import ConceptShield
from interlock.defend.universal import UniversalPatchAttack

__all__ = [
    "DEFENCES",
    "AdaptiveAttack",
    "BlackBoxPatchAttack",
    "ConceptBank",
    "ConceptShield",
    "Inspection",
    "LocalGradientsSmoothing",
    "PatchAttack",
    "PatchCleanser",
    "Patched",
    "Place",
    "Reply",
    "Row",
    "Scene",
    "UniversalPatchAttack",
    "make_defence",
]
