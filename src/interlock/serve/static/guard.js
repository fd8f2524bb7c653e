// ---- the guard ----

const PAUSE = 2000; // milliseconds between two looks at the status
const stored = "interlock-guard-key";
let key = sessionStorage.getItem(stored) || "";

const headers = (more = {}) => (key ? { authorization: `Bearer ${key}`, ...more } : more);

// ---- status ----

async function look() {
  if (!document.hidden) {
    try {
      const response = await fetch("/interlock/status", { headers: headers() });
      if (response.status === 401) askForKey();
      else if (response.ok) show(await response.json());
      else states([["answers " + response.status, "bad"]]);
    } catch {
      states([["the guard does not answer", "bad"]]);
    }
  }
  setTimeout(look, PAUSE);
}

function askForKey() {
  if (key) at("key-problem").textContent = "This key is not one of the guard's.";
  at("key-form").hidden = false;
  at("data").hidden = true;
  states([["key needed", "bad"]]);
}

at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  sessionStorage.setItem(stored, key);
  refresh();
});

async function refresh() {
  const response = await fetch("/interlock/status", { headers: headers() });
  if (response.ok) show(await response.json());
  else if (response.status === 401) askForKey();
}

function states(pairs) {
  const shown = pairs.map(([text]) => text).join();
  if (at("states").dataset.shown === shown) return; // no needless words from a screen reader
  at("states").dataset.shown = shown;
  at("states").replaceChildren(...pairs.map(([text, kind]) => make("span", { class: `state ${kind}`, text })));
}

function show(status) {
  stages = status.defence.includes("+");
  at("key-form").hidden = true;
  at("data").hidden = false;
  const { checks, ready, drifted } = status.state;
  states([
    [ready ? "ready" : "not ready", ready ? "good" : "bad"],
    ...Object.entries(checks).filter(([, fine]) => !fine).map(([name]) => [`${name} fails`, "bad"]),
    ["model's server " + (status.breaker === "closed" ? "in use" : "paused after failures"), status.breaker === "closed" ? "good" : "bad"],
    [status.state.certificate ? "certified" : "no certificate applies", status.state.certificate ? "good" : "bad"],
    ...(drifted ? [["drift", "bad"]] : []),
  ]);
  facts(at("facts"), {
    upstream: status.upstream,
    model: status.model ?? "any",
    defence: status.defence,
    ...(status.mode === "guard" ? {} : { mode: `${status.mode}: every request is answered` }),
    active: status.active,
    waiting: status.waiting,
    "up since": new Date(status.started).toLocaleString(),
  });
  at("footer").textContent = `interlock ${status.version} · ${status.replica} · ledger ${status.ledger}`;
  const alarms = Object.entries(status.state.alarms).map(([name, what]) => `${words(name)}: ${what}. `
    + (name.startsWith("certified") ? "What the certificate assumes no longer holds: measure anew." : "Not the traffic that was expected."));
  at("alarms").hidden = alarms.length === 0;
  at("alarm-list").replaceChildren(...alarms.map((text) => make("li", { text })));
  certificate(status);
  ways(at("channels"), status.channels, status.channels, (way) => [way.policy]);
  at("how").textContent = status.asks;
  charts(status.series);
  at("recent").replaceChildren(...status.recent.map(row));
  at("empty").hidden = status.recent.length > 0;
  at("drift").replaceChildren(...Object.entries(status.state.drift).map(driftRow));
  at("try").hidden = !status.may_try;
}

/** Rows of a table on what clients write; what does not change is not made anew. */
function ways(place, list, known, middle) {
  const shown = JSON.stringify(known);
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  place.replaceChildren(...list.map((way) => make("tr", {},
    make("td", {}, ...prose(way.holds)),
    ...middle(way).map((text) => make("td", {}, make("code", { text }))),
    make("td", {}, ...prose(way.means)),
    make("td", {}, way.policy === "refuse" ? make("span", { class: "quiet", text: "refused" })
      : make("span", { class: `chip ${way.covered ? "good" : "bad"}`, text: way.covered ? "yes" : "no" })))));
}

function certificate(status) {
  const card = status.certificate;
  const place = at("certificate");
  const shown = JSON.stringify([card, status.state.differs]);
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  if (!card) {
    place.replaceChildren(make("p", { class: "claim", text: "None was given. Every answer says that no certificate applies." }));
    return;
  }
  const list = make("dl", { class: "facts" });
  facts(list, {
    id: card.id,
    "lower bound": percent(card.lower),
    estimate: percent(card.estimate),
    confidence: percent(card.confidence, 0),
    attacks: `${card.attacks} ${card.family}`,
    defence: card.defence,
    target: card.target,
    made: new Date(card.date).toLocaleDateString(),
    ...(card.held_out ? { "held out": `${percent(card.held_out.dsp)} of ${card.held_out.attacks} attacks` } : {}),
  });
  place.replaceChildren(
    make("p", { class: "claim", text: card.statement }),
    make("p", {}, make("span", { class: `chip ${card.applies ? "good" : "bad"}`, text: card.applies ? "applies to this guard" : "does not apply to this guard" })),
    list,
    ...(card.applies ? [] : [make("ul", {}, ...status.state.differs.map((text) => make("li", { text })))]),
  );
}

const words = (name) => name.replaceAll("_", " ");

function row(entry) {
  const kinds = [...Array(entry.complied).fill("complied"), ...Array(entry.refused).fill("refused"),
    ...Array(entry.lost).fill("lost"), ...Array(Math.max(0, entry.copies - entry.complied - entry.refused - entry.lost)).fill("")];
  const mini = make("span", { class: "mini", "aria-hidden": "true" }, ...kinds.slice(0, 41).map((kind) => make("i", { class: kind })));
  const cells = [entry.complied, entry.refused, entry.lost, entry.calls, entry.milliseconds.toFixed(0)];
  return make("tr", {},
    make("td", { text: new Date(entry.time).toLocaleTimeString() }),
    make("td", {}, make("span", { class: `chip ${entry.would ?? entry.outcome}`, text: said(entry) })),
    make("td", {}, mini),
    ...cells.map((text) => make("td", { text })),
    make("td", { class: "id", text: `${entry.prompt}… (${entry.characters})` }),
    make("td", { class: "id", text: entry.request_id, title: entry.request_id }));
}

let stages = false; // whether the guard's defence has several

/** What became of a request, and which stage of the defence said so. */
function said(entry) {
  if (entry.mode === "monitor") return entry.would ? `answered; would be ${entry.would}` : "answered, no vote";
  return stages && entry.stage ? `${entry.outcome} by ${entry.stage}` : entry.outcome;
}
const WATCHED = {
  traffic_copies_refused: "all copies: refused",
  certified_blocked: "replayed attacks: blocked",
  certified_copies_refused: "replayed attacks: copies refused",
};

function driftRow([name, test]) {
  const range = ([low, high]) => (low === high ? percent(low) : `${percent(low)} – ${percent(high)}`);
  const state = test.alarm ?? (test.expected ? "not ruled out" : "watched only");
  return make("tr", {},
    make("td", { text: WATCHED[name] ?? words(name) }),
    make("td", { "data-name": "requests", text: test.seen }),
    make("td", { "data-name": "seen", text: test.seen ? range(test.estimate) : "–" }),
    make("td", { "data-name": "true share lies in", text: `${percent(test.lower)} – ${percent(test.upper)} (${percent(test.confidence, 0)})` }),
    make("td", { "data-name": "assumed", text: test.expected ? range(test.expected) : "–" }),
    make("td", {}, make("span", { class: `chip ${test.alarm ? "bad" : test.expected ? "good" : "pending"}`, text: state })));
}

// ---- charts ----

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [600, 150, 66, 130, 12];

function axes(top, unit) {
  return [0, 0.5, 1].flatMap((share) => {
    const y = BOTTOM - share * (BOTTOM - TOP);
    return [draw("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: y, y2: y }),
      draw("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, `${Number((share * top).toPrecision(3))}${unit}`)];
  });
}

function charts(series) {
  const place = (i) => LEFT + ((i + 0.5) / Math.max(series.length, 1)) * (WIDTH - LEFT);
  const times = series.map(([, ms]) => ms);
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const top = Math.max(1, quantile(1) * 1.05);
  at("latency").replaceChildren(...axes(top, ""), ...series.map(([, ms, outcome], i) =>
    draw("circle", { class: outcome, cx: place(i), cy: BOTTOM - (ms / top) * (BOTTOM - TOP), r: 3 })));
  at("latency-text").textContent = series.length
    ? `median ${quantile(0.5).toFixed(0)}, 99th percentile ${quantile(0.99).toFixed(0)}, last ${series.length}` : "none yet";
  const refused = series.map(([, , outcome]) => (outcome === "blocked" || outcome === "filtered" ? 1 : 0));
  const rolling = refused.map((_, i) => {
    const last = refused.slice(Math.max(0, i - 19), i + 1);
    return last.reduce((a, b) => a + b, 0) / last.length;
  });
  const points = rolling.map((share, i) => `${place(i)},${BOTTOM - share * (BOTTOM - TOP)}`).join(" ");
  at("refusal").replaceChildren(...axes(100, "%"), draw("polyline", { class: "curve", points }));
  at("refusal-text").textContent = series.length
    ? `${percent(refused.reduce((a, b) => a + b, 0) / refused.length)} over all shown` : "none yet";
}

// ---- the try-it box ----

let asking = null;

at("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("try-form").requestSubmit();
});
at("whole").addEventListener("change", () => {
  at("prompt-label").textContent = at("whole").checked ? "A request, as JSON" : "A message of the user";
});
at("stop").addEventListener("click", () => asking?.abort());
at("try-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (asking) return;
  asking = new AbortController();
  at("ask").disabled = true;
  at("stop").disabled = false;
  at("cost").replaceChildren();
  at("claim").hidden = true;
  const ballot = new Ballot((step) => {
    cost(step);
    claim(step);
  });
  try {
    const response = await fetch("/interlock/try", {
      method: "POST",
      headers: headers({ "content-type": "application/json" }),
      body: JSON.stringify(at("whole").checked ? { request: whole(at("prompt").value) } : { text: at("prompt").value }),
      signal: asking.signal,
    });
    if (!response.ok) throw new Error((await response.json()).error.message);
    await steps(response.body, (step) => ballot.take(step));
  } catch (error) {
    ballot.problem(error.name === "AbortError" ? "Stopped; the calls were cancelled." : error.message);
  } finally {
    asking = null;
    at("ask").disabled = false;
    at("stop").disabled = true;
    refresh().catch(() => {}); // the next look says what is wrong
  }
});

function whole(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
}

async function steps(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) take(JSON.parse(part.slice("data: ".length)));
  }
}

function cost(step) {
  const [asked, uncounted] = [step.copies - step.saved, step.calls_without_usage];
  const count = (number) => number.toLocaleString();
  facts(at("cost"), {
    calls: `${step.calls} (without the guard: 1)`,
    "copies asked": step.repeated ? "none" : `${asked} of ${step.copies}`,
    "calls saved": step.repeated ? "all" : `${step.saved} not made, ${step.cancelled + step.cut} cut short`,
    tokens: `${count(step.usage.prompt)} read, ${count(step.usage.completion)} written${uncounted ? ` (${uncounted} calls told no count)` : ""}`,
    time: `${count(Math.round(step.milliseconds))} ms`,
  });
}

/** Whether the certificate speaks of the answer, and why: by what the client wrote, and the rest. */
function claim(step) {
  const { guard, ways: used, differences } = step.covered;
  at("claim").hidden = false;
  at("claim-said").replaceChildren(
    make("span", { class: `chip ${step.certificate_applies ? "good" : "bad"}`, text: step.certificate_applies ? "yes" : "no" }), " ",
    step.certificate_applies ? "The request is one as they were measured, and no text of the client got past the vote."
      : step.certificate ? "This guard has a certificate, but it says nothing about this request:"
        : "No certificate applies to this guard:");
  const past = used.filter((way) => !way.covered).map((way) => `${way.where}: passed on, past the vote`);
  at("claim-because").replaceChildren(...[...guard, ...past, ...differences].map((text) => make("li", { text })));
  ways(at("ways"), used, [step, Date.now()], (way) => [way.where]);
}

look();
