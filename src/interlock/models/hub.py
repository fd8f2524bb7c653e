"""Names of the Hugging Face hub where it cannot be reached: known soon, with what there is here."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

from interlock.errors import ModelError
from interlock.models.available import Use, available_models

PATIENCE = 3.0
"""Seconds in which the hub must answer."""
NAMED = 6
"""Models that an error names."""


def from_cache_only(name: str, use: Use | None = None) -> bool:
    """Whether a model must be loaded without asking the hub for it.

    Args:
        name: a folder or an id of the hub.
        use: what it is wanted for.

    Raises:
        ModelError: there is no such folder, or the hub cannot be asked, and the model is not on
            this machine.
    """
    if Path(name).exists():
        return True
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: no such directory")
    from huggingface_hub import constants, try_to_load_from_cache

    if not constants.HF_HUB_OFFLINE and _answers(constants.ENDPOINT):
        return False
    try:
        cached = isinstance(try_to_load_from_cache(name, "config.json"), str)
    except ValueError:  # no id of the hub
        cached = False
    if cached:
        return True
    off = constants.HF_HUB_OFFLINE
    why = "HF_HUB_OFFLINE is set" if off else f"{constants.ENDPOINT} does not answer"
    raise ModelError(f"{name}: not on this machine, and {why}{_instead(use)}")


def _instead(use: Use | None) -> str:
    """What can be named."""
    if use is None:
        return ""
    models = [one for one in available_models(Path.cwd()) if one.use == use and one.verbs]
    names = [one.name for one in models[:NAMED]]
    more = f" and {len(models) - NAMED} more" if len(models) > NAMED else ""
    return f"; here are {', '.join(names)}{more} (interlock models lists them)"


def _answers(address: str) -> bool:
    """Whether a server says anything at all; looking up its name counts, which no time-out ends."""
    said = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=PATIENCE):
                pass
        except urllib.error.HTTPError:
            pass
        except (OSError, ValueError):
            return
        said.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return said.is_set()
