"""The chapter of transcripts: each attack, its copies, what they were answered, and why refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlock.report.page import Chapter, render_template

if TYPE_CHECKING:  # pages of the other verbs need no statistics
    from interlock.certify.campaign.assessment import Assessment
    from interlock.certify.campaign.result import CampaignResult

LONGEST = 400
"""Characters of a text that are shown."""


def transcripts_chapter(result: CampaignResult) -> Chapter:
    """Every attack that voted for a bound, folded, its texts blurred until they are asked for."""
    families = [(one.family.name, _attacks(one)) for one in result.assessments]
    body = render_template("transcripts.html", families=families, longest=LONGEST)
    count = sum(len(rows) for _, rows in families)
    return Chapter("Transcripts", "transcripts", body, f"{count} attacks, copy by copy")


def _attacks(one: Assessment) -> list[dict[str, Any]]:
    votes, bare, trials = one.votes, one.undefended, one.certificate.trials
    rows = []
    for number, row in enumerate(one.by_attack()):
        copies = [
            {
                "verdict": _verdict(bool(votes.refused.flat[at]), bool(votes.lost.flat[at])),
                "why": _cut(one.reasons[at]),
                "asked": _cut(votes.copies[at].text),
                "answer": _cut(votes.replies[at].text),
            }
            for at in range(number * trials, (number + 1) * trials)
        ]
        attack, goal_answer = bare.attacks[number], bare.goal_answers[number]
        rows.append(
            {
                "name": row["attack"],
                "group": row["group"] + 1,
                "category": row["category"],
                "refused": f"{row['refused']} of {row['of']}",
                "undefended": bare.verdicts[number].value,
                "goal": _cut(attack.goal),
                "goal_verdict": "" if goal_answer is None else str(bare.goal_verdicts[number]),
                "goal_answer": "" if goal_answer is None else _cut(goal_answer.text),
                "prompt": _cut(attack.prompt),
                "answer": _cut(bare.answers[number].text),
                "copies": copies,
            }
        )
    return rows


def _verdict(refused: bool, lost: bool) -> str:
    return "refused" if refused else "lost" if lost else "complied"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
