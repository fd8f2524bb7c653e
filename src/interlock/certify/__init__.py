"""How sure one can be that a vote over perturbed copies refuses a jailbreak (SmoothLLM)."""

from interlock.certify.artifacts import AttackPrompt, load_attacks, plan_families
from interlock.certify.attackset import Attack, attack_from, read_attacks, write_attacks
from interlock.certify.beta_binomial import AssumedBound
from interlock.certify.card import AlikeCertificate, CertificateCard, HeldOut
from interlock.certify.certificate import Certificate
from interlock.certify.claims import CLAIM_METHODS, Claim, method_claims
from interlock.certify.counts import lower_bound, upper_bound
from interlock.certify.decay import CurveIntervals, DecayCurve
from interlock.certify.decision import Decision, Vote
from interlock.certify.judge_error import JudgeSample
from interlock.certify.judges import Judge, LabelledVerdicts, ModelJudge, RefusalPhrases, Verdict
from interlock.certify.laws import (
    PerturbationKind,
    changed_count,
    defense_probability,
    majority,
    smallest_copies,
    suffix_pmf,
    suffix_survival,
)
from interlock.certify.measured import MeasuredCertificate, MonotoneCurve
from interlock.certify.perturb import ALPHABET, Perturbation
from interlock.certify.plan import NoPlan, Plan, plan
from interlock.certify.population import PopulationCertificate, ShareBound
from interlock.certify.smoothllm import SmoothLLM
from interlock.certify.store import CallStore, StoredTarget
from interlock.certify.targets.load import load_target
from interlock.certify.targets.protocol import Message, Prompt, Reply, Target
from interlock.certify.votes import read_votes

__all__ = [
    "ALPHABET",
    "CLAIM_METHODS",
    "AlikeCertificate",
    "AssumedBound",
    "Attack",
    "AttackPrompt",
    "CallStore",
    "Certificate",
    "CertificateCard",
    "Claim",
    "CurveIntervals",
    "DecayCurve",
    "Decision",
    "HeldOut",
    "Judge",
    "JudgeSample",
    "LabelledVerdicts",
    "MeasuredCertificate",
    "Message",
    "ModelJudge",
    "MonotoneCurve",
    "NoPlan",
    "Perturbation",
    "PerturbationKind",
    "Plan",
    "PopulationCertificate",
    "Prompt",
    "RefusalPhrases",
    "Reply",
    "ShareBound",
    "SmoothLLM",
    "StoredTarget",
    "Target",
    "Verdict",
    "Vote",
    "attack_from",
    "changed_count",
    "defense_probability",
    "load_attacks",
    "load_target",
    "lower_bound",
    "majority",
    "method_claims",
    "plan",
    "plan_families",
    "read_attacks",
    "read_votes",
    "smallest_copies",
    "suffix_pmf",
    "suffix_survival",
    "upper_bound",
    "write_attacks",
]
