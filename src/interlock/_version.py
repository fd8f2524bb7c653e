"""Versions, for the record kept with every result."""

from importlib.metadata import version

__version__ = "0.2.0"


def versions() -> dict[str, str]:
    """Versions of interlock and of what decides its numbers."""
    return {
        "interlock": __version__,
        **{name: version(name) for name in ("torch", "numpy")},
    }
