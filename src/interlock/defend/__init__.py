"""Take the patch's concept away: concepts of a classifier, the shield, attacks and peers."""

from interlock.defend.attacks.adaptive import AdaptiveAttack
from interlock.defend.attacks.attack import Patched
from interlock.defend.attacks.black_box import BlackBoxPatchAttack
from interlock.defend.attacks.patch_attack import PatchAttack
from interlock.defend.attacks.regions import Place
from interlock.defend.attacks.universal import UniversalPatchAttack
from interlock.defend.certified.card import PatchCard
from interlock.defend.certified.certified_shield import CertifiedShield, Verdict
from interlock.defend.certified.hardening import Hardening, harden
from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.defences import DEFENCES, Defended, Row, Scene, make_defence
from interlock.defend.peers.gradient_smoothing import LocalGradientsSmoothing
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.defend.shield.answer import Inspection, StrongestSet
from interlock.defend.shield.shield import ConceptShield

__all__ = [
    "DEFENCES",
    "AdaptiveAttack",
    "BlackBoxPatchAttack",
    "CertifiedShield",
    "ConceptBank",
    "ConceptShield",
    "Defended",
    "Hardening",
    "Inspection",
    "LocalGradientsSmoothing",
    "PatchAttack",
    "PatchCard",
    "PatchCleanser",
    "Patched",
    "Place",
    "Row",
    "Scene",
    "StrongestSet",
    "UniversalPatchAttack",
    "Verdict",
    "harden",
    "make_defence",
]
