"""``interlock demo``: the three verbs on what the package brings along."""

from __future__ import annotations

from pathlib import Path

import typer

from interlock.cli.options import AsJson, Device, Force, Out, Seed
from interlock.cli.session import session

# Photos inside the scikit-image package, with subjects that the embedded classifier knows, and
# where to cut them: its training photos show one object that fills the picture.
DEMO_PHOTOS = {
    "motorcycle_left.png": None,
    "coffee.png": (130, 40, 470, 330),
    "astronaut.png": (100, 0, 360, 220),
}


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
        from interlock.cli.explain.run import Request, explain

        setup = Setup("embedded", seed, device, force=force)
        photos = _demo_photos(out / "photos")
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


def _demo_photos(folder: Path) -> list[Path]:
    """Cut the photos out of the installed package, into ``folder``."""
    from importlib.resources import files
    from io import BytesIO

    from PIL import Image

    from interlock._files import make_folder
    from interlock.cli.bench import save_picture

    make_folder(folder)
    for name, box in DEMO_PHOTOS.items():
        with Image.open(BytesIO(files("skimage.data").joinpath(name).read_bytes())) as photo:
            save_picture(folder / name, photo.convert("RGB").crop(box))
    return [folder / name for name in DEMO_PHOTOS]
