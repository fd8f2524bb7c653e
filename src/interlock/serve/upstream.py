"""The model behind the guard, over HTTP: calls bounded in bytes and time, and named failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import httpx

from interlock.certify.targets.address import Address
from interlock.certify.targets.protocol import Wants
from interlock.certify.targets.proxies import authorities, proxy_for
from interlock.certify.targets.surprise import read_echo
from interlock.certify.targets.wire import their_sentence, wait_asked_for, withheld
from interlock.certify.vote.decision import ORIGINAL
from interlock.serve.completion import Completion, MalformedError
from interlock.serve.connections import Broken, Connections, Response, Unreached, body_of
from interlock.serve.event_stream import ReportedError, begins_events, data_of_events
from interlock.serve.strict_json import read_loose_json
from interlock.serve.wire_error import UpstreamRefusedError, WireError

OnText = Callable[[str], bool]
"""Told the text so far; True ends the call, for what follows does not matter."""

_PASSING = frozenset({408, 409, 425, 429})  # 4xx that speak of the moment, not of the request
_ERROR_BYTES = 64 * 1024
_BLANKS = b" \t\r\n\xef\xbb\xbf"
_BEGINNING = 8
"""Bytes that tell an event stream from anything else."""


class LostError(Exception):
    """A call that brought no usable answer.

    Args:
        why: one line, without any text of the prompt or the answer.
        status: of the HTTP answer, where there was one.
        retry_after: seconds that the upstream asks to wait.
    """

    def __init__(
        self, why: str, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(why)
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True)
class Call:
    """What to ask."""

    body: Mapping[str, Any]
    request_id: str
    copy: int = ORIGINAL
    """Which copy asks, or that it is the request as it came."""
    headers: Sequence[tuple[str, str]] = ()
    """To be sent along."""
    wants: Wants = "answer"
    """What of: an answer to a chat, or what a defence wants to know about a text."""
    on_growth: Callable[[Completion], None] | None = None
    """Told the answer each time that a piece of it has come, where it comes in pieces."""


class Upstream(Protocol):
    """A chat model that the guard asks."""

    name: str
    """For people; holds no key."""

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """One answer; cancelling ends the call.

        Raises:
            LostError: no usable answer came.
            WireError: every copy of the request would fail alike.
        """

    async def models(self) -> list[dict[str, Any]]:
        """The list of ``GET /v1/models``.

        Raises:
            LostError: no usable answer came.
        """

    async def aclose(self) -> None:
        """Close what is open."""


class HttpUpstream:
    """A server that speaks ``POST {url}/chat/completions``.

    It is asked to stream; a server that answers in one piece all the same is understood, too.
    Each vote makes many calls, and what one costs is what the guard adds to every request: see
    docs/experiments/guard.md.

    Args:
        url: base address, such as ``http://127.0.0.1:8000/v1``, or all of it, perhaps with a query,
            as :class:`~interlock.certify.targets.address.Address` reads it.
        key: sent as bearer token, to Azure in its header ``api-key``; never logged, and cut out of
            what the upstream says.
        timeout: seconds of silence after which a call is lost, from connecting on; comments of an
            event stream are signs of life.
        max_bytes: a longer answer is lost.
        connections: calls under way at most; more wait for their turn, within ``timeout``.
        usage: ask for the usage chunk of a stream; some servers refuse to be asked.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 30.0,
        max_bytes: int = 2 * 2**20,
        connections: int = 1000,
        usage: bool = True,
    ) -> None:
        address = Address.read(url)
        self.name = address.name
        self.timeout, self.max_bytes, self.connections = timeout, max_bytes, connections
        self._key, self._usage = key, usage
        self._chat, self._models, self._texts = (
            str(httpx.URL(one)) for one in (address.completions, address.models, address.texts)
        )
        headers = [
            ("content-type", "application/json"),
            ("accept", "text/event-stream, application/json"),
            ("accept-encoding", "identity"),
        ]
        if key:
            bearer = ("authorization", f"Bearer {key}")
            headers.append(("api-key", key) if address.azure else bearer)
        # Certificates here, and not at the first call: loading them takes tens of milliseconds.
        self._connections = Connections(connections, headers, authorities(), proxy_for(self.name))

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """See :class:`Upstream`."""
        if call.wants != "answer":
            return await self._read(call)
        body = {**call.body, "stream": True}
        if self._usage:
            body["stream_options"] = {"include_usage": True}
        alternatives = bool(body.get("top_logprobs"))  # only where the operator opens it
        content = json.dumps(body).encode()  # pure ASCII, so that torn surrogates pass, too
        try:
            async with (
                asyncio.timeout(self.timeout) as silence,
                await self._connections.ask(self._chat, content, _named(call)) as response,
            ):
                if response.status != 200:
                    return await self._complained(response)
                pieces = _bounded(response, self.max_bytes, partial(self._heard, silence))
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                events = kind == "text/event-stream"
                if not events:  # some servers declare what they send as something else
                    begin, pieces = await _begun(pieces)
                    events = begins_events(begin)
                    if not events and not begin.startswith(b"{"):
                        raise LostError("an answer that is neither JSON nor an event stream")
                if events:
                    answer = Completion(alternatives=alternatives)
                    read = data_of_events(pieces)
                    return await _streamed(answer, read, on_text, call.on_growth)
                return Completion.of_completion(_json(await _whole(pieces)), alternatives)
        except (LostError, WireError):
            raise
        except TimeoutError:
            raise LostError(f"no sound within {self.timeout:g} s") from None
        except (MalformedError, ReportedError, *Unreached) as error:
            raise LostError(f"{type(error).__name__}: {self._clean(str(error))}") from None
        except Exception as error:  # aiohttp lets some of its own through; none may release
            raise LostError(type(error).__name__) from None

    async def _read(self, call: Call) -> Completion:
        """How unlikely a text is, from ``POST {url}/completions``; whatever fails is lost."""
        if call.wants != "surprise":
            raise LostError(f"no {call.wants} from an upstream")
        content = json.dumps(call.body).encode()
        try:
            async with (
                asyncio.timeout(self.timeout),
                await self._connections.ask(self._texts, content, _named(call)) as response,
            ):
                said = await _whole(_bounded(response, self.max_bytes))
            if response.status != 200:
                wait = wait_asked_for(response.headers)
                raise LostError(f"/completions answered {response.status}", response.status, wait)
            data = _json(said)
            reply = read_echo(data, str(call.body["prompt"]))
        except LostError:
            raise
        except Exception as error:
            raise LostError(
                f"/completions: {self._clean(str(error)) or type(error).__name__}"
            ) from None
        if reply.lost:
            raise LostError(reply.error or "lost")
        usage = data.get("usage")
        return Completion(
            message={"role": "assistant", "content": reply.text},
            finish_reason="stop",
            usage=usage if isinstance(usage, dict) else None,
        )

    async def models(self) -> list[dict[str, Any]]:
        """See :class:`Upstream`."""
        try:
            async with (
                asyncio.timeout(self.timeout),
                await self._connections.ask(self._models) as response,
            ):
                content = await _whole(_bounded(response, self.max_bytes))
            if response.status != 200:
                raise LostError(f"no list of models ({response.status})", response.status)
            listed = _json(content)["data"]
            return [entry for entry in listed if isinstance(entry, dict) and "id" in entry]
        except (TimeoutError, *Broken, MalformedError, KeyError, TypeError) as error:
            raise LostError(f"no list of models ({type(error).__name__})") from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    def _heard(self, silence: asyncio.Timeout) -> None:
        silence.reschedule(asyncio.get_running_loop().time() + self.timeout)

    async def _complained(self, response: Response) -> Completion:
        """An answer that is none: the prompt itself withheld by the upstream's filter is one."""
        status = response.status
        if 400 <= status < 500 and status not in _PASSING:
            said = await _page(response)
            if withheld(said):
                message = {"role": "assistant", "content": None}
                return Completion(message=message, finish_reason="content_filter")
            if status in (401, 403):
                raise WireError(
                    502, "the upstream does not accept the guard's key", "upstream_key_refused"
                )
            raise UpstreamRefusedError(status, self._their_words(said, status))
        wait = wait_asked_for(response.headers)
        raise LostError(f"the upstream answered {status}", status, wait)

    def _their_words(self, content: bytes, status: int) -> dict[str, Any]:
        content = self._clean(content.decode("utf-8", "replace")).encode()
        try:
            data = read_loose_json(content)
        except ValueError:
            data = None
        error = data.get("error", data) if isinstance(data, dict) else None
        known = error if isinstance(error, dict) else {}
        said = {name: known.get(name) for name in ("message", "type", "param", "code")}
        if not isinstance(said["message"], str):
            said["message"] = their_sentence(content) or f"the upstream answered {status}"
        return said | {"type": said["type"] or "invalid_request_error"}

    def _clean(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


async def _streamed(
    answer: Completion,
    events: AsyncIterator[Sequence[str]],
    on_text: OnText,
    on_growth: Callable[[Completion], None] | None,
) -> Completion:
    """An answer that is looked at after each piece of the stream, whatever it holds."""
    async for come in events:
        seen = len(answer.deltas)
        for data in map(str.strip, come):
            if data == "[DONE]":  # come to its end, whether or not the server says why
                answer.finish_reason = answer.finish_reason or "stop"
                return answer
            if data:
                answer.add_chunk(_json(data))
        if len(answer.deltas) == seen:
            continue
        if on_growth is not None:
            on_growth(answer)
        if on_text(answer.content) and answer.finish_reason is None:
            # The vote is cast; what the model might still say does not matter.
            answer.finish_reason, answer.usage, answer.cut = "stop", None, True
            return answer
    return answer


async def _bounded(
    response: Response, limit: int, heard: Callable[[], None] | None = None
) -> AsyncIterator[bytes]:
    """The bytes of an answer up to a limit; ``heard`` is told of each piece."""
    seen = 0
    async for piece in body_of(response):
        seen += len(piece)
        if seen > limit:
            raise LostError(f"an answer of more than {limit} bytes")
        if heard is not None:
            heard()
        yield piece


async def _begun(pieces: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """How an answer begins, blanks aside, and all of it."""
    come = b""
    async for piece in pieces:
        come += piece
        if len(come.lstrip(_BLANKS)) >= _BEGINNING:
            break

    async def whole() -> AsyncIterator[bytes]:
        yield come
        async for piece in pieces:
            yield piece

    return come.lstrip(_BLANKS), whole()


async def _whole(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in content])


async def _page(response: Response) -> bytes:
    """What is said of an error; nothing where that is a long page for people."""
    try:
        return await _whole(_bounded(response, _ERROR_BYTES))
    except LostError:
        return b""


def _named(call: Call) -> list[tuple[str, str]]:
    return [("x-request-id", call.request_id), *call.headers]


def _json(text: str | bytes) -> Any:
    try:
        return read_loose_json(text)
    except ValueError:
        raise MalformedError("no JSON") from None
