"""What each method promises on one table of votes, and what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from numpy.typing import ArrayLike

from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.population import PopulationCertificate
from interlock.names import Missing

ClaimMethod = Literal["undefended", "smoothllm", "homogeneous", "population"]
CLAIM_METHODS: tuple[ClaimMethod, ...] = get_args(ClaimMethod)


@dataclass(frozen=True)
class Claim:
    """One method on attacks of one kind under one perturbation."""

    method: ClaimMethod
    copies: int
    """N; 1 without a defence."""
    certified: float | None
    """The share of such attacks that it promises to be refused; None where it promises nothing."""
    confidence: float | None
    """Of that promise; None where the method states none."""
    measured: float | None
    """The share refused, without bias from the votes; None with fewer than N votes a prompt."""
    interval: tuple[float, float] | None
    """Of the measured share, over prompts, at the confidence asked for."""
    prompts: int
    """Attacks behind the measured share."""
    reason: str = ""
    """Why nothing is promised; empty where something is."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        low, high = values.pop("interval") or (None, None)
        return values | {"low": low, "high": high}


def method_claims(
    votes: ArrayLike,
    copies: int,
    *,
    plain: ArrayLike | None = None,
    held_out: ArrayLike | None = None,
    confidence: float = 0.95,
    judge: JudgeSample | None = None,
    missing: Missing = "error",
) -> dict[ClaimMethod, Claim]:
    """Every method on the votes under one perturbation. Nothing is asked, nothing is drawn.

    * ``"undefended"``: one unperturbed call decides; promises nothing. Only with ``plain``.
    * ``"smoothllm"``: the majority of N perturbed copies (arXiv 2310.03684); promises nothing.
    * ``"homogeneous"``: the published formula, DSP at the average alpha (arXiv 2511.18721). It
      states no confidence, and is too high where prompts differ.
    * ``"population"``: ``PopulationCertificate.lower``. Nothing where voting does not help.

    The last three are one system, so their measured share is the same: the chance that N of a
    prompt's votes, drawn at random, carry a refusing majority, averaged over prompts.

    Args:
        votes: (n, r) refusals of perturbed copies, as ``PopulationCertificate.from_votes`` takes
            them. What is promised comes from these.
        copies: N.
        plain: (n', r') refusals of unperturbed calls.
        held_out: (n'', r'') refusals of perturbed copies of other prompts; the measured share comes
            from these where given, else from ``votes``.
        confidence: of the population certificate and of each interval.
        judge: a labelled sample of the judge's verdicts, which the population certificate pays for.
        missing: what a missing cell of any table is.

    Raises:
        DataError: a table that is none, or with missing cells under ``"error"``.
        OptionError: copies or confidence outside their range.
    """
    believed = PopulationCertificate.from_votes(votes, copies, confidence, missing=missing)
    certificate = PopulationCertificate.from_votes(
        votes, copies, confidence, missing=missing, judge=judge
    )
    seen = believed
    if held_out is not None:
        seen = PopulationCertificate.from_votes(held_out, copies, confidence, missing=missing)
    measured = _measured(seen)
    claims: dict[ClaimMethod, Claim] = {}
    if plain is not None:
        bare = PopulationCertificate.from_votes(plain, 1, confidence, missing=missing)
        claims["undefended"] = Claim("undefended", 1, None, None, *_measured(bare), reason=_NOTHING)
    claims["smoothllm"] = Claim("smoothllm", copies, None, None, *measured, reason=_NOTHING)
    claims["homogeneous"] = Claim("homogeneous", copies, believed.homogeneous, None, *measured)
    refusal = believed.refusal
    lower = None if refusal else certificate.lower
    claims["population"] = Claim(
        "population", copies, lower, None if refusal else confidence, *measured, reason=refusal
    )
    return claims


_NOTHING = "the method promises nothing"


def _measured(
    seen: PopulationCertificate,
) -> tuple[float | None, tuple[float, float] | None, int]:
    if seen.trials < seen.copies:
        return None, None, seen.prompts
    return seen.estimate, mean_interval(seen.per_prompt, seen.confidence), seen.prompts
