"""``interlock demo``: the three verbs on what the package brings along."""

from __future__ import annotations

from pathlib import Path

import typer

from interlock.cli.options import AsJson, Device, Force, Out, Seed
from interlock.cli.session import session


def demo(
    context: typer.Context,
    out: Out = Path("interlock-demo"),
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Explain, patch and shield three photos, and certify a chat model; needs no network."""
    with session(context) as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.demo.certify import certify_story
        from interlock.cli.demo.patch import patch_story
        from interlock.cli.demo.photos import cut_photos
        from interlock.cli.explain.explainer import Request
        from interlock.cli.explain.run import explain

        setup = Setup("embedded", seed, device, force=force)
        photos = cut_photos(out / "photos")
        explain(
            setup,
            Request(out, options={"seed": seed}),
            photos,
            terminal,
            [
                lambda: patch_story(setup, photos, out / "defend", terminal),
                lambda: certify_story(out / "certify", seed, device, force, terminal),
            ],
        )
