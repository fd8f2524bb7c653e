"""The errors that interlock raises on purpose. Each message names the input and the fix."""


class InterlockError(Exception):
    """Root of every error raised on purpose; the command prints it as one line and exits 1."""


class ImageError(InterlockError):
    """An image cannot be read, or its contents are not what the model takes."""


class DataError(InterlockError):
    """A folder or table of images is missing, empty, or not in the documented layout."""


class ModelError(InterlockError):
    """A classifier cannot be loaded, or does not behave as one."""


class OptionError(InterlockError, ValueError):
    """An option lies outside its documented range."""


class ConfigError(OptionError):
    """Settings that are wrong; ``lines`` names each."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class OutputError(InterlockError):
    """A result cannot be written or read back."""
