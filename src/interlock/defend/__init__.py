"""Take the patch's concept away: concepts of a classifier, the shield, attacks and peers."""

from interlock.defend.bank import ConceptBank
from interlock.defend.patch_attack import PatchAttack, Patched
from interlock.defend.regions import Place
from interlock.defend.shield import ConceptShield, Inspection

__all__ = ["ConceptBank", "ConceptShield", "Inspection", "PatchAttack", "Patched", "Place"]
