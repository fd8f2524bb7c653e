"""``--config FILE``: options of a command from a table of a TOML file; the command line wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from interlock._files import read_settings
from interlock.cli.session import session
from interlock.errors import ConfigError, InterlockError

Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Options from a TOML file, in a table with the command's name such as [defend.fit].",
    ),
]


class Configured(TyperCommand):
    """A command that takes ``--config``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override, unused-ignore]
        """Take the file's options as the defaults of those that are not typed."""
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        if given.get("config") and not ctx.resilient_parsing:
            try:
                ctx.default_map = _options(Path(given["config"]), ctx)
            except InterlockError as error:
                ctx.params["as_json"] = bool(given.get("as_json"))
                with session(ctx):
                    raise error from None
        return super().parse_args(ctx, args)


def _options(path: Path, context: typer.Context) -> dict[str, Any]:
    """Those of one command, by the names of its parameters; the whole file is checked.

    Raises:
        ConfigError: a line for each thing that is wrong.
    """
    names: list[str] = []
    root: Any = context
    while root.parent is not None:
        names.insert(0, str(root.info_name))
        root = root.parent
    options: dict[str, Any] = {}
    lines: list[str] = []
    for within, command, table in _tables(read_settings(path), root.command, lines):
        values = _values(within, command, table, context, lines)
        if within == names:
            options = values
    if lines:
        raise ConfigError(tuple(f"{path}: {line}" for line in lines))
    return options


def _tables(
    content: Mapping[str, Any], group: Any, lines: list[str], within: tuple[str, ...] = ()
) -> Iterator[tuple[list[str], Any, Mapping[str, Any]]]:
    """Each command that the file has a table for, and that table."""
    known = {name: command for name, command in group.commands.items() if _takes(command)}
    for name, value in content.items():
        where = (*within, name)
        if name not in known:
            lines.append(f"{'.'.join(where)}: no such table; {_nearest(name, known)}")
        elif not isinstance(value, Mapping):
            lines.append(f"{'.'.join(where)}: give a table, [{'.'.join(where)}]")
        elif isinstance(known[name], Configured):
            yield list(where), known[name], value
        else:
            yield from _tables(value, known[name], lines, where)


def _takes(command: Any) -> bool:
    """Whether it, or a command of it, takes ``--config``."""
    inner = getattr(command, "commands", {}).values()
    return isinstance(command, Configured) or any(map(_takes, inner))


def _values(
    within: list[str],
    command: Any,
    table: Mapping[str, Any],
    context: typer.Context,
    lines: list[str],
) -> dict[str, Any]:
    known = {
        option.opts[0].lstrip("-"): option
        for option in command.params
        if option.param_type_name == "option" and option.name != "config"
    }
    values: dict[str, Any] = {}
    for key, value in table.items():
        where, name = ".".join((*within, key)), key.replace("_", "-")
        if name not in known:
            lines.append(f"{where}: no such option; {_nearest(name, known)}")
            continue
        option = known[name]
        try:
            typed = _as_typed(value, option)
            option.process_value(context, typed)
        except typer.BadParameter as error:
            said = error.message.removeprefix("Value error, ")
            lines.append(f"{where} = {value!r}: {said}")
        else:
            values[str(option.name)] = typed
    return values


def _as_typed(value: Any, option: Any) -> Any:
    """A value of TOML as the command line has it: text, or whether a flag stands there.

    Raises:
        typer.BadParameter: no such thing can be typed.
    """
    if option.is_flag or isinstance(value, bool):
        if not (option.is_flag and isinstance(value, bool)):
            raise typer.BadParameter(f"{'give' if option.is_flag else 'not'} true or false")
        return value
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in several):
        raise typer.BadParameter("give text, a number, or a list of such")
    texts = [str(one) for one in several]
    return texts if option.multiple else ",".join(texts)


def _nearest(given: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(given, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
