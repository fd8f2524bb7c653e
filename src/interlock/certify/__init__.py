"""How sure one can be that a vote over perturbed copies refuses a jailbreak (SmoothLLM)."""

from interlock.certify.attacks.attack import (
    Attack,
    AttackFile,
    attack_from,
    read_attack_file,
    read_attacks,
    write_attacks,
)
from interlock.certify.bounds.beta_binomial import AssumedBound
from interlock.certify.bounds.certificate import Certificate
from interlock.certify.bounds.claims import CLAIM_METHODS, Claim, method_claims
from interlock.certify.bounds.counts import lower_bound, upper_bound
from interlock.certify.bounds.decay import CurveIntervals, DecayCurve
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import (
    changed_count,
    defense_probability,
    majority,
    smallest_copies,
    suffix_pmf,
    suffix_survival,
)
from interlock.certify.bounds.monotone import MeasuredCertificate, MonotoneCurve
from interlock.certify.bounds.plan import NoPlan, Plan, plan
from interlock.certify.bounds.population import PopulationCertificate, ShareBound
from interlock.certify.bounds.votes import read_votes
from interlock.certify.campaign.card import AlikeCertificate, CertificateCard, HeldOut
from interlock.certify.campaign.family_plans import plan_families
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.labelled import LabelledVerdicts
from interlock.certify.judges.model import ModelJudge
from interlock.certify.judges.phrases import RefusalPhrases
from interlock.certify.targets.load import load_target
from interlock.certify.targets.protocol import Message, Prompt, Reply, Target
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.certify.vote.decision import Decision, Vote
from interlock.certify.vote.perturb import ALPHABET, Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.names import PerturbationKind

__all__ = [
    "ALPHABET",
    "CLAIM_METHODS",
    "AlikeCertificate",
    "AssumedBound",
    "Attack",
    "AttackFile",
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
    "load_target",
    "lower_bound",
    "majority",
    "method_claims",
    "plan",
    "plan_families",
    "read_attack_file",
    "read_attacks",
    "read_votes",
    "smallest_copies",
    "suffix_pmf",
    "suffix_survival",
    "upper_bound",
    "write_attacks",
]
