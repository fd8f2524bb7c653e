"""Does the strongest set lie on an adversarial patch? Against Grad-CAM, IG and foreignness.

    python benchmarks/defend_photos.py
    python -m benchmarks.explain_patches [--photos 50]

A patch of 2 % of the photo, free or within an L2 ball of radius 10, turns the answer to another
class; that class is explained. A method *points at the patch* where its strongest pixel lies on it;
a set *lies on it* where half of its evidence does. The *strongest* set is that whose removal costs
most; the *first* is that with most evidence for a pixel, which may be small. Foreignness is the
shield's own measure of what is unlike clean photos. The control: the clean photo, its own answer,
and the place of the same patch. Photos of a list are patched in order until so many answers are
turned.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from scipy.stats import binomtest
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent))  # beside scripts that are run by their path

import _photos
from _tables import markdown, publish
from interlock import ConceptShield, HSets
from interlock.data import read_image
from interlock.defend import PatchAttack
from interlock.explain.peers import make_peer
from interlock.models import Classifier, load_classifier

OUT = _photos.ROOT / "build" / "explain_patches"
MODELS = {"embedded": ("embedded", "caltech"), "mobilenet": (str(_photos.MOBILENET), "imagenet")}
ATTACKS = {
    "free": PatchAttack(area=0.02, steps=40),
    "L2": PatchAttack(area=0.02, steps=40, norm="l2", epsilon=10.0),
}
BANK, AT_ONCE = 200, 24
Looks = Callable[[Tensor, int, Tensor], Mapping[str, bool]]
"""(C, H, W), a class and the place of the patch (H, W) -> which method points there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Attack, explain, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=50, help="whose answer a patch turned")
    chosen = parser.parse_args(argv)
    torch.set_num_threads(1)
    lines = []
    for name, (spec, listed) in MODELS.items():
        classifier = load_classifier(spec)
        shield = ConceptShield.fit(classifier.model, photos(classifier, f"{listed}_bank", BANK))
        images = photos(classifier, f"{listed}_report")
        seconds: dict[str, float] = defaultdict(float)
        look = looks(classifier, shield, seconds)
        for attack, make in ATTACKS.items():
            both = pointed(f"{name}, {attack}", classifier, make, images, look, chosen.photos)
            lines += counted(f"{name}, {attack}", both, seconds)
            seconds.clear()
            publish(table(lines), OUT / "table.md")
    return 0


def table(lines: Sequence[Sequence[str]]) -> str:
    """What was counted so far."""
    header = ["patch", "method", "on the patch", "95 %", "on clean photos", "95 %", "s a photo"]
    return markdown(header, lines)


def photos(classifier: Classifier, listed: str, count: int | None = None) -> Tensor:
    """The first of a list, as the model takes them."""
    files = _photos.listed(listed)[:count]
    return torch.stack([classifier.preprocess(read_image(file)) for file in files])


def looks(classifier: Classifier, shield: ConceptShield, seconds: dict[str, float]) -> Looks:
    """All methods on one model; their CPU time is added to ``seconds``."""
    sets = HSets(classifier.model)
    peers = {name: make_peer(name, classifier.model) for name in ("grad-cam", "ig")}

    def look(x: Tensor, target: int, place: Tensor) -> dict[str, bool]:
        begun = time.process_time()

        def lap(name: str) -> None:
            nonlocal begun
            seconds[name] += time.process_time() - begun
            begun = time.process_time()

        ex = sets.explain(x, target)
        most = int(ex.drops.argmax()) if len(ex) else 0
        on = {"strongest set lies on it": lies_on(ex.masks[most:], ex.attribution, place)}
        on["first set lies on it"] = lies_on(ex.masks, ex.attribution, place)
        on["map of the sets"] = peak_on(ex.saliency, place)
        lap("strongest set lies on it")
        for name, peer in peers.items():
            on[name] = peak_on(peer.saliency(x, target), place)
            lap(name)
        with torch.no_grad():
            on["foreignness"] = peak_on(shield.look(x[None])[1][0, 0], place)
        lap("foreignness")
        return on

    return look


def lies_on(masks: Tensor, attribution: Tensor, place: Tensor) -> bool:
    """Whether half of the first set's evidence is on a place."""
    if not len(masks):
        return False
    evidence = (attribution * masks[0]).sum(dim=0)
    return bool(evidence[place].sum() >= 0.5 * evidence.sum())


def peak_on(saliency: Tensor, place: Tensor) -> bool:
    """Whether the strongest pixel is on a place."""
    return bool(place.flatten()[saliency.flatten().argmax()])


def pointed(
    name: str,
    classifier: Classifier,
    attack: PatchAttack,
    images: Tensor,
    look: Looks,
    wanted: int,
) -> Mapping[str, Sequence[tuple[bool, bool]]]:
    """For each method whether it points at the patch, of each photo with the patch and without."""
    both: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    found = 0
    with tqdm(total=wanted, desc=name, disable=None) as bar:
        for part in images.split(AT_ONCE):
            with torch.no_grad():
                own = classifier.model(part).argmax(dim=1)
            patched = attack(classifier.model, part, own)
            with torch.no_grad():
                turned = classifier.model(patched.images).argmax(dim=1)
            for k in (turned != own).nonzero()[:, 0].tolist()[: wanted - found]:
                place = patched.masks[k, 0]
                now = look(patched.images[k], int(turned[k]), place)
                clean = look(part[k], int(own[k]), place)
                for method, on in now.items():
                    both[method].append((on, clean[method]))
                found += 1
                bar.update()
            if found == wanted:
                break
    return both


def counted(
    name: str, found: Mapping[str, Sequence[tuple[bool, bool]]], seconds: Mapping[str, float]
) -> list[list[str]]:
    """A line for each method."""
    lines = []
    for method, both in found.items():
        spent = seconds.get(method)
        shown = "" if spent is None else f"{spent / (2 * len(both)):.2f}"
        lines.append(
            [name, method, *share([a for a, _ in both]), *share([b for _, b in both]), shown]
        )
    return lines


def share(hits: Sequence[bool]) -> tuple[str, str]:
    """How many of how many, and the exact interval of the share."""
    low, high = binomtest(sum(hits), len(hits)).proportion_ci(0.95, "exact")
    return f"{sum(hits)} of {len(hits)}", f"{low:.2f} to {high:.2f}"


if __name__ == "__main__":
    sys.exit(main())
