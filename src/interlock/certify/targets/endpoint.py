"""A chat model behind an OpenAI-compatible HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import unicodedata
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from interlock.certify.targets.address import Address
from interlock.certify.targets.protocol import Identity, OnReply, Prompt, Reply
from interlock.certify.targets.proxies import authorities, proxy_for
from interlock.certify.targets.surprise import echo_body, read_echo
from interlock.certify.targets.system import system_identity, with_system
from interlock.certify.targets.wire import (
    parse_completion,
    their_sentence,
    wait_asked_for,
    withheld,
)
from interlock.errors import InterlockError, ModelError, OptionError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
KEY_VARIABLE = "OPENAI_API_KEY"
FATAL = {401: "the key is refused", 403: "access is denied", 404: "no such model or address"}
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OWN = {
    "messages": "the prompts are asked, and nothing else",
    "model": "give it as model=…",
    "stream": "answers are read whole",
    "stream_options": "answers are read whole",
    "n": "each call has one answer",
    "seed": "each copy has its own",
    "max_tokens": "give it as max_tokens=…; null leaves it out",
    "temperature": "give it as temperature=…; null leaves it out",
}
"""Fields of the body that ``extra`` may not set, and why."""
_NULL_LEAVES_OUT = frozenset({"max_tokens", "temperature"})


@dataclass
class Usage:
    """What a target has spent so far."""

    calls: int = 0
    """Prompts asked."""
    requests: int = 0
    """HTTP requests sent, retries included."""
    lost: int = 0
    """Prompts without a usable answer."""
    prompt_tokens: int = 0
    """As reported by the endpoint."""
    completion_tokens: int = 0
    """As reported by the endpoint."""


class _Again(Exception):  # noqa: N818
    """A request that failed in a way that may pass."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class EndpointTarget:
    """Ask any server that speaks ``POST {url}/chat/completions``.

    Time-outs, dropped connections, 408, 409, 425, 429, 5xx and malformed answers are retried with
    exponential backoff and jitter, never sooner than ``retry-after`` says; what still fails is a
    lost reply. So is a 400 or 422, at once: it speaks of one prompt; where a 400 or 403 says that
    the provider's own filter refused the prompt, the reply is blocked.

    Args:
        url: base address, such as ``https://api.example.com/v1``, or all of it, with a query:
            ``https://NAME.openai.azure.com/openai/deployments/D/chat/completions?api-version=…``.
            Azure gets the key in its header ``api-key``.
        model: the model's name there; None for that of an Azure deployment.
        key_variable: environment variable with the API key; no key is sent when the default one
            is unset. The key is never stored, logged or shown.
        concurrency: requests in flight at most, >= 1.
        timeout: seconds for one request from connecting to the last byte, > 0.
        attempts: requests for one prompt at most, >= 1.
        max_wait: longest pause between two attempts in seconds; a ``retry-after`` beyond it ends
            the attempts.
        max_tokens: of one answer, >= 1.
        temperature: as sent; above 0 the prompt's seed is sent along.
        max_bytes: a longer response body is given up as malformed.
        extra: more fields of the request's body; None as a value leaves a field out. With
            ``max_completion_tokens`` among them ``max_tokens`` is not sent.
        headers: more request headers.
        system: a system prompt that is put before every chat.
        repeat: asked before each repeated request; False ends the attempts.

    Raises:
        OptionError: an option outside its range, an ``extra`` field that is the target's own, or an
            address that is none or holds a key.
        ModelError: ``key_variable`` was named and is unset; later, the endpoint answered 401, 403
            or 404, which every further call would meet too.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        key_variable: str = KEY_VARIABLE,
        concurrency: int = 8,
        timeout: float = 60.0,
        attempts: int = 5,
        max_wait: float = 60.0,
        max_tokens: int = 256,
        temperature: float = 0.0,
        max_bytes: int = 4 * 2**20,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        system: str | None = None,
        repeat: Callable[[], bool] = lambda: True,
    ) -> None:
        counts = {"concurrency": concurrency, "attempts": attempts, "max_tokens": max_tokens}
        for option, value in counts.items():
            if value < 1:
                raise OptionError(f"{option}={value}: must be at least 1")
        if not timeout > 0 or not max_wait >= 0:
            raise OptionError(f"timeout={timeout}, max_wait={max_wait}: give positive seconds")
        address = Address.read(url)
        name = model or address.deployment
        if name is None:
            raise OptionError(f"{address.name}: name the model to ask there (model=…)")
        self.url, self.model = address.name, name
        self._address, self._texts = address.completions, address.texts
        self.timeout, self.attempts, self.max_wait = timeout, attempts, max_wait
        self.max_tokens, self.temperature, self.max_bytes = max_tokens, temperature, max_bytes
        self.concurrency, self.extra = concurrency, _checked(extra or {})
        self.system, self._repeat = system, repeat
        self.usage = Usage()
        self._key = _key(key_variable)
        self._headers = {"Content-Type": "application/json"} | dict(headers or {})
        if self._key:
            self._headers |= (
                {"api-key": self._key}
                if address.azure
                else {"Authorization": f"Bearer {self._key}"}
            )
        self._jitter = random.Random()  # its own: the caller's generators stay as they are
        self._open: tuple[asyncio.AbstractEventLoop, _Connections] | None = None

    @property
    def identity(self) -> Identity:
        """Address, model, decoding options as they are sent, hash of the system prompt; no key."""
        decoding = {"max_tokens": self.max_tokens, "temperature": self.temperature}
        sent = decoding | self._left_out()
        return {
            "target": "endpoint",
            "url": self.url,
            "model": self.model,
            **{name: sent[name] for name in decoding},
            "extra": json.dumps(self.extra, sort_keys=True) if self.extra else None,
            **system_identity(self.system),
        }

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        """Answer each prompt, in order, ``concurrency`` at a time."""

        async def one(number: int, prompt: Prompt) -> Reply:
            reply = await self.ask_async(prompt)
            if on_reply is not None:
                on_reply(number, reply)
            return reply

        async def everything() -> list[Reply]:
            async with self:
                tasks = [asyncio.create_task(one(i, prompt)) for i, prompt in enumerate(prompts)]
                try:
                    return await asyncio.gather(*tasks)
                finally:
                    for task in tasks:
                        task.cancel()

        return _run(everything())

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt; cancelling closes the request."""
        self.usage.calls += 1
        connections = self._connections()
        reply = Reply.failed("not asked")
        for attempt in range(self.attempts):
            try:
                async with connections.client() as client:
                    reply = await self._request(client, prompt)
                break
            except _Again as again:
                reply = Reply.failed(f"{again} (attempt {attempt + 1} of {self.attempts})")
                pause = self._pause(attempt, again.wait)
                if pause is None:
                    reply = Reply.failed(f"{again}; it asks to wait {again.wait:.0f} s")
                    break
            if attempt + 1 < self.attempts:
                if not self._repeat():
                    break
                await asyncio.sleep(pause)
        self.usage.lost += reply.lost
        self.usage.prompt_tokens += reply.prompt_tokens
        self.usage.completion_tokens += reply.completion_tokens
        return reply

    async def aclose(self) -> None:
        """Close the connections; those of an event loop that has ended are just forgotten."""
        if self._open is not None:
            (loop, connections), self._open = self._open, None
            if loop is asyncio.get_running_loop():
                await connections.aclose()

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first prompt."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def _request(self, client: httpx.AsyncClient, prompt: Prompt) -> Reply:
        import httpx

        self.usage.requests += 1
        if prompt.wants == "class":
            return Reply.failed(f"{self.url} is no classifier")
        reads = prompt.wants == "surprise"
        try:
            async with (
                asyncio.timeout(self.timeout),
                client.stream(
                    "POST", self._texts if reads else self._address, content=self._body(prompt)
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > self.max_bytes:
                        raise _Again(f"the answer exceeds {self.max_bytes} bytes")
        except TimeoutError:
            raise _Again(f"no answer within {self.timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Again(f"{self.url}: {type(error).__name__} {error}".strip()) from None
        status = response.status_code
        if reads and status == 404:
            return Reply.failed(f"{self.url} has no /completions to say how unlikely a text is")
        if status != 200:
            return self._complaint(status, bytes(body), response.headers)
        try:
            if reads:
                return read_echo(json.loads(body), prompt.text)
            return parse_completion(bytes(body))
        except ValueError as error:
            raise _Again(f"{self.url}: malformed answer, {error}") from None

    def _complaint(self, status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
        """What becomes of an answer other than 200; in its own words where it has some."""
        said = their_sentence(body)
        said = f": {said.replace(self._key, '[key]') if self._key else said}" if said else ""
        if status in (400, 403) and withheld(body):
            return Reply("", "blocked")
        if status in FATAL:
            raise ModelError(
                f"{self.url} answered {status}: {FATAL[status]} (model {self.model}){said}"
            )
        if status in AGAIN:
            raise _Again(f"{self.url} answered {status}{said}", wait_asked_for(headers))
        return Reply.failed(f"{self.url} answered {status}{said}")

    def _left_out(self) -> dict[str, None]:
        """Decoding options that are not sent."""
        names = [name for name in _NULL_LEAVES_OUT if self.extra.get(name, 0) is None]
        names += ["max_tokens"] if self.extra.get("max_completion_tokens") is not None else []
        return dict.fromkeys(names)

    def _body(self, prompt: Prompt) -> bytes:
        if prompt.wants == "surprise":
            return json.dumps(echo_body(self.model, prompt)).encode()
        body: dict[str, Any] = {
            "model": self.model,
            "messages": with_system(self.system, prompt).as_chat(),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        if self.temperature > 0:
            body["seed"] = prompt.seed % 2**31
        body |= self.extra | self._left_out()
        body = {name: value for name, value in body.items() if value is not None}
        return json.dumps(body).encode()  # pure ASCII, so that torn surrogates pass, too

    def _pause(self, attempt: int, asked: float | None) -> float | None:
        """Seconds until the next attempt; None where the server wants more than ``max_wait``."""
        if asked is not None and asked > self.max_wait:
            return None
        backoff: float = min(self.max_wait, 0.5 * 2**attempt) * self._jitter.uniform(0.5, 1.0)
        return max(backoff, asked or 0.0)

    def _connections(self) -> _Connections:
        """Clients belong to one event loop; a new loop gets a new one."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0] is not loop:
            self._open = loop, _Connections(self.url, self._headers, self.concurrency)
        return self._open[1]


class _Connections:
    """A client for each request in flight, and so one connection each.

    One client with as many connections looks through all of them, each against each, at the
    beginning and at the end of every request, which takes longer than the request.
    """

    def __init__(self, url: str, headers: Mapping[str, str], concurrency: int) -> None:
        try:
            import httpx
        except ImportError:
            raise InterlockError(
                "endpoints need httpx; install it with: pip install 'interlock[certify]'"
            ) from None
        self._slots = asyncio.Semaphore(concurrency)
        self._idle: list[httpx.AsyncClient] = []
        self._all: list[httpx.AsyncClient] = []
        trust_env = httpx.URL(url).host not in LOOPBACK  # no proxy to this machine
        self._made = partial(
            httpx.AsyncClient,
            headers=dict(headers),
            verify=_authorities(trust_env),
            proxy=proxy_for(url),
            timeout=None,  # one limit over the whole request instead, see _request
            limits=httpx.Limits(max_connections=1),
            trust_env=False,  # what of it is wanted was read by ``proxies``
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """One that nobody else uses meanwhile."""
        async with self._slots:
            if not self._idle:
                self._idle.append(self._made())
                self._all.append(self._idle[-1])
            client = self._idle.pop()  # the last one used: its connection is open
            try:
                yield client
            finally:
                self._idle.append(client)

    async def aclose(self) -> None:
        """Close all of them."""
        for client in self._all:
            await client.aclose()


@cache
def _authorities(trust_env: bool) -> ssl.SSLContext:
    """Who is believed, read once: a new loop's client would read a quarter of a megabyte again."""
    return authorities(trust_env)


def _key(variable: str) -> str:
    """The API key; empty where the usual variable is unset."""
    key = os.environ.get(variable, "").strip()
    if not key:
        if variable != KEY_VARIABLE:
            raise ModelError(f"${variable} is not set; put the endpoint's API key there")
        return ""
    if not (key.isascii() and key.isprintable()):
        raise ModelError(f"${variable} holds characters that no API key has")
    return key


def _checked(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, none of which is the target's own, whatever its letters' case and form."""
    seen: dict[str, str] = {}
    for name, value in extra.items():
        plain = unicodedata.normalize("NFKC", name).casefold().strip()
        left_out = name in _NULL_LEAVES_OUT and value is None
        if plain in OWN and not left_out:
            raise OptionError(f"extra={name}: cannot be set so; {OWN[plain]}")
        if seen.setdefault(plain, name) != name:
            raise OptionError(f"extra={name}: some servers take it for {seen[plain]!r}; give one")
    try:
        kept: dict[str, Any] = json.loads(json.dumps(dict(extra), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise OptionError(f"extra={dict(extra)}: cannot be sent as JSON ({error})") from None
    return kept


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where the caller's thread already runs a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
