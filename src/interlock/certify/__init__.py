"""How sure one can be that a vote over perturbed copies refuses a jailbreak (SmoothLLM)."""

from interlock.certify.attacks.attack import Attack, read_attacks, write_attacks
from interlock.certify.attacks.clusters import Clusters, cluster, find_clusters
from interlock.certify.bounds.certificate import Certificate
from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.monotone import MeasuredCertificate
from interlock.certify.bounds.plan import NoPlan, Plan, plan
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.labelled import LabelledVerdicts
from interlock.certify.judges.model import ModelJudge
from interlock.certify.judges.phrases import RefusalPhrases
from interlock.certify.statement.card import CertificateCard
from interlock.certify.targets.load import load_target
from interlock.certify.targets.protocol import Prompt, Reply, Target
from interlock.certify.vote.decision import Decision
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM

__all__ = [
    "Attack",
    "Certificate",
    "CertificateCard",
    "Clusters",
    "DecayCurve",
    "Decision",
    "Judge",
    "LabelledVerdicts",
    "MeasuredCertificate",
    "ModelJudge",
    "NoPlan",
    "Perturbation",
    "Plan",
    "PopulationCertificate",
    "Prompt",
    "RefusalPhrases",
    "Reply",
    "SmoothLLM",
    "Target",
    "Verdict",
    "cluster",
    "find_clusters",
    "load_target",
    "plan",
    "read_attacks",
    "write_attacks",
]
