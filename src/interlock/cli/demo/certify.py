"""The jailbreak story of ``interlock demo``: the embedded attacks, a certificate, and its check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from interlock.certify.campaign.options import CampaignOptions
from interlock.cli.certify.question import Question, TargetChoice
from interlock.cli.certify.report import run_campaign
from interlock.cli.explain.run import Story
from interlock.cli.terminal import Terminal

# Enough for a story of half a minute; ``interlock certify report`` measures more.
BENIGN = 30
QUICK = CampaignOptions(
    rates=(0.10, 0.15, 0.20),
    changes=(0, 1, 2, 4, 8, 16, 32, 64),
    trials=1,
    max_copies=7,
    votes=7,
)


def certify_story(
    out: Path, seed: int, device: str | None, force: bool, terminal: Terminal
) -> Story:
    """Certify a defence of the embedded chat model, and check it on attacks held out.

    Whatever comes out is shown, a certificate or none.

    Args:
        out: folder for the calls and the results.
        seed: of splits and perturbations.
        device: for the chat model.
        force: ask again what was asked before.
        terminal: shows the progress, and is told the outcome.
    """
    if force:
        for name in ("calls.sqlite", "calls.sqlite-wal", "calls.sqlite-shm"):
            (out / name).unlink(missing_ok=True)
    question = Question(TargetChoice(device=device, max_tokens=32), out=out)
    made = run_campaign(
        question, replace(QUICK, seed=seed), terminal, benign=BENIGN, link=f"{out.name}/"
    )
    return Story(made.chapters, {"certify": made.outcome}, "how sure one can be")
