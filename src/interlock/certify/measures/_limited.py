"""What runs a model's code, by itself: ``running`` starts this file and reads what it prints."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_EVENTS = frozenset(
    (
        "import", "compile", "exec", "marshal.loads", "os.listdir", "os.scandir", "time.sleep",
        "object.__getattr__", "object.__setattr__", "object.__delattr__", "code.__new__",
        "function.__new__", "builtins.id", "sys._getframe", "sys._getframemodulename",
        "sys.excepthook", "sys.unraisablehook", "cpython._PySys_ClearAuditHooks",
        "cpython.PyInterpreterState_Clear",
    )
)  # fmt: skip
"""All others end the process: what a new version of Python adds is refused until it is listed."""


def main() -> None:
    """Read code and calls, set limits, run, print the calls' values as one JSON list."""
    seconds, megabytes = int(sys.argv[1]), int(sys.argv[2])
    asked = json.load(sys.stdin)
    result = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    _limit(seconds, megabytes)
    roots = tuple(os.path.realpath(path) + os.sep for path in sys.path if os.path.isdir(path))
    sys.addaudithook(_hook(roots))
    names: dict[str, Any] = {"__name__": "answer", "__builtins__": __builtins__}
    exec(compile(asked["code"], "answer", "exec"), names)
    values = [eval(call, names) for call in asked["calls"]]
    os.write(result, json.dumps(values, allow_nan=False).encode())


def _limit(seconds: int, megabytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the one who waits has a clock
        return
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, megabytes << 20),
        (resource.RLIMIT_FSIZE, 1 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _hook(roots: tuple[str, ...]) -> Any:
    real, end = os.path.realpath, os._exit
    flags = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    events, isinstance_, str_ = _EVENTS, isinstance, str

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in events:
            return
        if event == "open":
            path, _, how = arguments
            if isinstance_(path, str_) and not how & flags and real(path).startswith(roots):
                return
        end(3)

    return hook


if __name__ == "__main__":
    main()
