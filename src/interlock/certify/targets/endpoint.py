"""A chat model behind an OpenAI-compatible HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

from interlock.certify.targets.protocol import Identity, OnReply, Prompt, Reply
from interlock.certify.targets.proxies import authorities, proxy_for
from interlock.certify.targets.wire import parse_completion, wait_asked_for, withheld
from interlock.errors import InterlockError, ModelError, OptionError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
KEY_VARIABLE = "OPENAI_API_KEY"
FATAL = {401: "the key is refused", 403: "access is denied", 404: "no such model or address"}
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


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
    lost reply. So is a 400 or 422, at once: it speaks of one prompt.

    Args:
        url: base address, such as ``https://api.example.com/v1``.
        model: the model's name there.
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
        extra: more fields of the request's body; None as a value leaves a field out.
        headers: more request headers.

    Raises:
        OptionError: an option outside its range.
        ModelError: ``key_variable`` was named and is unset; later, the endpoint answered 401, 403
            or 404, which every further call would meet too.
    """

    def __init__(
        self,
        url: str,
        model: str,
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
    ) -> None:
        counts = {"concurrency": concurrency, "attempts": attempts, "max_tokens": max_tokens}
        for name, value in counts.items():
            if value < 1:
                raise OptionError(f"{name}={value}: must be at least 1")
        if not timeout > 0 or not max_wait >= 0:
            raise OptionError(f"timeout={timeout}, max_wait={max_wait}: give positive seconds")
        if not url.startswith(("http://", "https://")):
            raise OptionError(f"url={url!r}: give an address that starts with http:// or https://")
        self.url, self.model = url.rstrip("/"), model
        self.timeout, self.attempts, self.max_wait = timeout, attempts, max_wait
        self.max_tokens, self.temperature, self.max_bytes = max_tokens, temperature, max_bytes
        self.concurrency, self.extra = concurrency, dict(extra or {})
        self.usage = Usage()
        self._headers = {"Content-Type": "application/json"} | dict(headers or {})
        self._headers |= _authorisation(key_variable)
        self._jitter = random.Random()  # its own: the caller's generators stay as they are
        self._open: tuple[asyncio.AbstractEventLoop, _Connection] | None = None

    @property
    def identity(self) -> Identity:
        """Address, model and decoding options; no key."""
        return {
            "target": "endpoint",
            "url": self.url,
            "model": self.model,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "extra": json.dumps(self.extra, sort_keys=True) if self.extra else None,
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
        connection = await self._connection()
        reply = Reply.failed("not asked")
        for attempt in range(self.attempts):
            try:
                async with connection.slots:
                    reply = await self._request(connection.client, prompt)
                break
            except _Again as again:
                reply = Reply.failed(f"{again} (attempt {attempt + 1} of {self.attempts})")
                pause = self._pause(attempt, again.wait)
                if pause is None:
                    reply = Reply.failed(f"{again}; it asks to wait {again.wait:.0f} s")
                    break
            if attempt + 1 < self.attempts:
                await asyncio.sleep(pause)
        self.usage.lost += reply.lost
        self.usage.prompt_tokens += reply.prompt_tokens
        self.usage.completion_tokens += reply.completion_tokens
        return reply

    async def aclose(self) -> None:
        """Close the connections; those of an event loop that has ended are just forgotten."""
        if self._open is not None:
            (loop, connection), self._open = self._open, None
            if loop is asyncio.get_running_loop():
                await connection.client.aclose()

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first prompt."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def _request(self, client: httpx.AsyncClient, prompt: Prompt) -> Reply:
        import httpx

        self.usage.requests += 1
        try:
            async with (
                asyncio.timeout(self.timeout),
                client.stream(
                    "POST", f"{self.url}/chat/completions", content=self._body(prompt)
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
        if status in FATAL:
            raise ModelError(f"{self.url} answered {status}: {FATAL[status]} (model {self.model})")
        if status in AGAIN:
            wait = wait_asked_for(response.headers)
            raise _Again(f"{self.url} answered {status}", wait)
        if status != 200:
            if withheld(bytes(body)):
                return Reply("", "blocked")
            return Reply.failed(f"{self.url} answered {status}")
        try:
            return parse_completion(bytes(body))
        except ValueError as error:
            raise _Again(f"{self.url}: malformed answer, {error}") from None

    def _body(self, prompt: Prompt) -> bytes:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": prompt.as_chat(),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        if self.temperature > 0:
            body["seed"] = prompt.seed % 2**31
        body = {name: value for name, value in (body | self.extra).items() if value is not None}
        return json.dumps(body).encode()  # pure ASCII, so that torn surrogates pass, too

    def _pause(self, attempt: int, asked: float | None) -> float | None:
        """Seconds until the next attempt; None where the server wants more than ``max_wait``."""
        if asked is not None and asked > self.max_wait:
            return None
        backoff: float = min(self.max_wait, 0.5 * 2**attempt) * self._jitter.uniform(0.5, 1.0)
        return max(backoff, asked or 0.0)

    async def _connection(self) -> _Connection:
        """Clients belong to one event loop; a new loop gets a new one."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0] is not loop:
            self._open = loop, _Connection(self.url, self._headers, self.concurrency)
        return self._open[1]


class _Connection:
    def __init__(self, url: str, headers: Mapping[str, str], concurrency: int) -> None:
        try:
            import httpx
        except ImportError:
            raise InterlockError(
                "endpoints need httpx; install it with: pip install 'interlock[certify]'"
            ) from None
        self.slots = asyncio.Semaphore(concurrency)
        trust_env = httpx.URL(url).host not in LOOPBACK  # no proxy to this machine
        self.client = httpx.AsyncClient(
            headers=dict(headers),
            verify=_authorities(trust_env),
            proxy=proxy_for(url),
            timeout=None,  # one limit over the whole request instead, see _request
            limits=httpx.Limits(max_connections=concurrency),
            trust_env=False,  # what of it is wanted was read by ``proxies``
        )


@cache
def _authorities(trust_env: bool) -> ssl.SSLContext:
    """Who is believed, read once: a new loop's client would read a quarter of a megabyte again."""
    return authorities(trust_env)


def _authorisation(variable: str) -> dict[str, str]:
    key = os.environ.get(variable, "").strip()
    if not key:
        if variable != KEY_VARIABLE:
            raise ModelError(f"${variable} is not set; put the endpoint's API key there")
        return {}
    if not (key.isascii() and key.isprintable()):
        raise ModelError(f"${variable} holds characters that no API key has")
    return {"Authorization": f"Bearer {key}"}


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where the caller's thread already runs a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
