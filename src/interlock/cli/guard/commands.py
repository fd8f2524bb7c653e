"""``interlock guard`` and ``interlock guard ledger``."""

from __future__ import annotations

from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.options import AsJson, NoDevice, NoSeed, chosen, taken
from interlock.cli.session import session
from interlock.cli.terminal import Terminal
from interlock.errors import InterlockError
from interlock.names import PerturbationKind, VoteOutcome

guard = typer.Typer(
    help="Answer an OpenAI-compatible endpoint through a certified vote.",
    invoke_without_command=True,
    subcommand_metavar="[check|key|ledger]",
)

NEEDED = (
    "aiohttp", "fastapi", "httptools", "httpx", "prometheus_client", "regex", "sqlalchemy",
    "uvicorn",
)  # fmt: skip
"""Packages of the extra ``serve`` that are imported."""
Config = Annotated[Path | None, typer.Option(help="Settings, see docs/guard.md.")]
LedgerUrl = Annotated[
    str | None, typer.Option("--ledger", help="SQLAlchemy address of the ledger's database.")
]


@guard.callback()
def serve(
    context: typer.Context,
    upstream: Annotated[
        str | None, typer.Option(help="Base URL of the model's server: http://…/v1.")
    ] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Serve the embedded chat model instead.")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Serve this transformers directory in this process."),
    ] = None,
    system: Annotated[
        Path | None, typer.Option(help="The certificate's system prompt: put before every chat.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="A card that 'certify report' wrote.")
    ] = None,
    uncertified: Annotated[
        bool, typer.Option("--uncertified", help="Serve though no certificate applies; say so.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="The one model that may be asked for.")] = None,
    defence: Annotated[
        str | None,
        typer.Option(help="Such as erase:parts=3 or self+smooth; else the certificate's."),
    ] = None,
    copies: Annotated[int | None, typer.Option(min=1, help="N; else the certificate's.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="q; else the certificate's.")
    ] = None,
    perturbation: Annotated[
        PerturbationKind | None, typer.Option(help="Else the certificate's.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Default 8080; 0 for any.")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve HTTPS with this certificate (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this site ask; several times."),
    ] = None,
    ledger: LedgerUrl = None,
    config: Config = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Equal requests get equal copies; else none do.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="For --target and --embedded: 'cpu', 'cuda'.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer every chat request by a certified vote; any OpenAI client works unchanged.

    Runs until it is stopped. With --json the one object says where it listens.
    """
    if context.invoked_subcommand is not None:
        return
    given = locals()
    settings = taken(
        given, "upstream", "target", "system", "certificate", "model", "host", "port", "seed",
        "device", "tls_cert", "tls_key",
    )  # fmt: skip
    settings |= {name: True for name in ("embedded", "uncertified") if given[name]}
    settings["vote"] = taken(given, "defence", "copies", "rate", "perturbation")
    settings["ledger"] = {"url": ledger}
    settings["auth"] = {"origins": cors or None}
    with session(context) as terminal:
        needed()
        from interlock.serve.config import read_config
        from interlock.serve.run import serve as run

        run(
            lambda: read_config(config, settings),
            lambda url, deployed: _announce(terminal, url, deployed),
        )


def _announce(terminal: Terminal, url: str, deployed: Any) -> None:
    rules = deployed.rules
    terminal.say(f"guard: {url}/v1  (page: {url}/)")
    terminal.say(f"upstream: {deployed.upstream.name}")
    terminal.say(f"defence: {rules.name}")
    if deployed.mode == "monitor":
        terminal.say("mode: monitor; every request is answered, and the ledger has the votes")
    if deployed.certificate is not None:
        terminal.say(f"certificate {deployed.certificate}: {deployed.card.statement()}")
    else:
        terminal.say(f"no certificate applies: {'; '.join(deployed.differs)}")
    terminal.result(
        {
            "url": url,
            "upstream": deployed.upstream.name,
            "model": deployed.model,
            "defence": rules.name,
            "mode": deployed.mode,
            "copies": rules.defence.identity.get("copies"),
            "perturbation": rules.defence.identity.get("kind"),
            "rate": rules.defence.identity.get("rate"),
            "certificate": deployed.certificate,
            "differs": list(deployed.differs),
        }
    )


@guard.command("ledger")
def ledger_command(
    context: typer.Context,
    ledger: LedgerUrl = None,
    config: Config = None,
    since: Annotated[
        datetime | None, typer.Option(help="Decisions from this moment on, UTC.")
    ] = None,
    outcome: Annotated[VoteOutcome | None, typer.Option(help="Only these.")] = None,
    certificate: Annotated[
        str | None, typer.Option(help="Under the certificate of this id.")
    ] = None,
    request_id: Annotated[str | None, typer.Option(help="With this x-request-id.")] = None,
    key: Annotated[str | None, typer.Option(help="Of the client with a key of this name.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The newest so many.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write them to a .csv or .jsonl file.")
    ] = None,
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Query and export the decisions on record."""
    given = locals()
    with session(context) as terminal:
        needed()
        from interlock.cli.guard.ledger import Query, run

        run(terminal, ledger, config, chosen(Query, given), export)


@guard.command("check")
def check_command(
    context: typer.Context,
    settings: Annotated[Path, typer.Argument(metavar="GUARD.TOML", help="The settings.")],
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the upstream for its models, too.")
    ] = False,
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong in settings, all of it, and what the certificate covers.

    Nothing is asked of the upstream, and no ledger is made. Exits 1 where something is wrong.
    """
    with session(context) as terminal:
        needed()
        from interlock.cli.guard.check import run

        run(terminal, settings, ask=ask)


@guard.command("key")
def key_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the client: small letters, digits and . _ -")],
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Draw a key for a client: shown this once; the settings get its salted hash."""
    with session(context) as terminal:
        needed()
        from interlock.serve.access import draw_key

        key, hashed = draw_key(name)
        terminal.say(f"key, for {name} alone: {key}")
        terminal.say("for guard.toml:")
        terminal.say(f'[keys."{name}"]\nhashes = ["{hashed}"]')
        terminal.result({"name": name, "key": key, "hash": str(hashed)})


def needed(what: str = "guard") -> None:
    """All of the extra, by looking for it alone.

    Args:
        what: needs it.

    Raises:
        InterlockError: a part is not installed.
    """
    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        raise InterlockError(
            f"the {what} needs {' and '.join(absent)}; install with: pip install 'interlock[serve]'"
        )
