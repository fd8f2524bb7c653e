"use strict";

const at = (id) => document.getElementById(id);
const PAUSE = 2000; // milliseconds between two looks at the status

/** An element; all text goes in as text, never as HTML. */
function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
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
  at("key-form").hidden = true;
  at("data").hidden = false;
  const { checks, ready, drifted } = status.state;
  states([
    [ready ? "ready" : "not ready", ready ? "good" : "bad"],
    ...Object.entries(checks).filter(([, fine]) => !fine).map(([name]) => [`${name} fails`, "bad"]),
    ["upstream " + (status.breaker === "closed" ? "open for calls" : "paused"), status.breaker === "closed" ? "good" : "bad"],
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
  charts(status.series);
  at("recent").replaceChildren(...status.recent.map(row));
  at("empty").hidden = status.recent.length > 0;
  at("drift").replaceChildren(...Object.entries(status.state.drift).map(driftRow));
  at("try").hidden = !status.may_try;
}

function facts(list, values) {
  list.replaceChildren(...Object.entries(values).map(([name, value]) =>
    make("div", {}, make("dt", { text: name }), make("dd", { text: value }))));
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

/** What became of a request, and which stage of the defence said so. */
function said(entry) {
  if (entry.mode === "monitor") return entry.would ? `answered; would be ${entry.would}` : "answered, no vote";
  return entry.stage ? `${entry.outcome} by ${entry.stage}` : entry.outcome;
}

function driftRow([name, test]) {
  const range = ([low, high]) => (low === high ? percent(low) : `${percent(low)} – ${percent(high)}`);
  const state = test.alarm ?? (test.expected ? "not ruled out" : "watched only");
  return make("tr", {},
    make("td", { text: words(name) }),
    make("td", { text: test.seen }),
    make("td", { text: test.seen ? range(test.estimate) : "–" }),
    make("td", { text: `${percent(test.lower)} – ${percent(test.upper)} (${percent(test.confidence, 0)})` }),
    make("td", { text: test.expected ? range(test.expected) : "–" }),
    make("td", {}, make("span", { class: `chip ${test.alarm ? "bad" : test.expected ? "good" : "pending"}`, text: state })));
}

// ---- charts ----

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [600, 150, 66, 130, 12];

function draw(tag, options, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(options)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

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
  const refused = series.map(([, , outcome]) => (outcome === "released" ? 0 : 1));
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
at("stop").addEventListener("click", () => asking?.abort());
at("try-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (asking) return;
  asking = new AbortController();
  at("ask").disabled = true;
  at("stop").disabled = false;
  const ballot = new Ballot(at("prompt").value);
  try {
    const response = await fetch("/interlock/try", {
      method: "POST",
      headers: headers({ "content-type": "application/json" }),
      body: JSON.stringify({ text: ballot.asked }),
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

class Ballot {
  constructor(asked) {
    this.asked = asked;
    this.rounds([], []);
    at("verdict").className = "verdict";
    at("verdict").replaceChildren();
    at("ballot").hidden = false;
  }

  /** A card for each question that may be asked, stage by stage. */
  rounds(sizes, stages) {
    const names = sizes.flatMap((size, i) => Array.from({ length: size }, (_, n) =>
      (size === 1 ? `Stage ${stages[i]}` : stages.length === 1 ? `Copy ${n + 1}` : `Stage ${stages[i]}, ${n + 1}`)));
    this.verdicts = Array(names.length).fill("unasked");
    this.cards = names.map((text) => {
      const chip = make("span", { class: "chip unasked", text: "not asked" });
      const prompt = make("p", { class: "asked" });
      const answer = make("p", {});
      const item = make("li", {}, make("header", {}, make("strong", { text }), chip), prompt, answer);
      return { chip, prompt, answer, item };
    });
    at("copies").replaceChildren(...this.cards.map(({ item }) => item));
    at("bar").replaceChildren(...this.verdicts.map(() => make("span")));
    this.count();
  }

  take(step) {
    const card = this.cards[step.copy];
    if (step.event === "rounds") {
      this.rounds(step.sizes, step.stages);
    } else if (step.event === "asked") {
      this.mark(step.copy, "pending", "asking…");
      card.prompt.replaceChildren(...marked(this.asked, step.text));
      card.answer.textContent = "";
    } else if (step.event === "text") {
      card.answer.textContent += step.text;
    } else if (step.event === "lost") {
      this.mark(step.copy, "lost", "lost");
      card.answer.textContent = step.why;
    } else if (step.event === "verdict") {
      this.mark(step.copy, step.verdict, step.verdict);
    } else if (step.event === "decision") {
      this.verdicts.forEach((kind, number) => kind === "pending" && this.mark(number, "cancelled", "cancelled"));
      const [released, against] = [step.outcome === "released", step.votes.refused + step.votes.lost];
      const [by, watched] = [step.stage ? ` (${step.stage})` : "", step.mode === "monitor"];
      const why = watched ? `Answered, for the guard only watches; the vote says ${step.would}.` : released ? `Released: ${step.votes.complied} of ${step.copies} complied${by}.`
        : step.outcome === "blocked" ? `Blocked: ${step.votes.refused} of ${step.copies} refused${by}.`
          : `Undecided, so nothing is released: ${against} of ${step.copies} against, ${step.votes.lost} of them lost.`;
      at("verdict").className = `verdict ${step.outcome}`;
      at("verdict").replaceChildren(make("strong", { text: why }), make("br"), make("span", { text: step.text }));
    } else if (step.event === "error") {
      this.problem(step.error.message);
    }
    this.count();
  }

  mark(number, kind, text) {
    this.verdicts[number] = kind;
    this.cards[number].chip.className = `chip ${kind}`;
    this.cards[number].chip.textContent = text;
  }

  count() {
    const of = (kind) => this.verdicts.filter((each) => each === kind).length;
    const order = ["complied", "refused", "lost"];
    const kinds = order.flatMap((kind) => Array(of(kind)).fill(kind));
    [...at("bar").children].forEach((cell, i) => { cell.className = kinds[i] ?? ""; });
    at("tally").textContent = `Of ${this.verdicts.length} asked at most ${of("complied")} for, ${of("refused") + of("lost")} against`;
  }

  problem(text) {
    at("verdict").className = "verdict undecided";
    at("verdict").replaceChildren(make("strong", { text }));
  }
}

/** The copy's text with what differs from the original marked, where nothing was inserted. */
function marked(before, after) {
  const [old, now] = [[...before], [...after]];
  if (old.length !== now.length) return [document.createTextNode(after)];
  const runs = [];
  now.forEach((character, i) => {
    const changed = character !== old[i];
    if (runs.length && runs.at(-1)[0] === changed) runs.at(-1)[1] += character;
    else runs.push([changed, character]);
  });
  return runs.map(([changed, text]) => (changed ? make("mark", { text }) : document.createTextNode(text)));
}

look();
