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
  at("how").textContent = "The guard asks the model your message as it is and, beside it, up to "
    + `${status.copies} copies of it in which about ${percent(status.rate)} of the characters are changed at random. `
    + "Text that was built to trick the model tends to fail once some of its characters change; an honest question is understood all the same. "
    + `If ${needed(status.copies)} copies are answered, you get the answer to your own message; if not, a refusal.`;
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

const needed = (count) => Math.floor(count / 2) + 1; // copies that release

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

/** A text of the guard's own, in which backticks mark code. */
function prose(text) {
  return text.split("`").map((part, i) => (i % 2 ? make("code", { text: part }) : document.createTextNode(part)));
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
  const ballot = new Ballot();
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

/** What one question came to: its text, the answer, how it counts, and why. */
class Card {
  constructor(title) {
    this.chip = make("span", { class: "chip unasked", text: "not asked" });
    this.asked = make("p", { class: "asked", dir: "auto" });
    this.answer = make("p", { class: "answered", dir: "auto" });
    this.why = make("p", { class: "why" });
    this.item = make("li", {}, make("header", {}, make("strong", { text: title }), this.chip), this.asked, this.answer, this.why);
  }

  mark(kind, text) {
    this.chip.className = `chip ${kind}`;
    this.chip.textContent = text;
  }

  because({ why, words: said }) {
    this.why.replaceChildren(why, ...(said ? [" ", make("q", { text: said, dir: "auto" })] : []));
  }
}

/** Whether half of the copies decide: of one stage that changes characters or leaves out words. */
function majority(stages) {
  return stages.length === 1 && ["smooth", "drop"].some((name) => stages[0]?.startsWith(name));
}

const SAID = { complied: "answered", refused: "refused", lost: "unclear" };

class Ballot {
  constructor() {
    this.original = new Card("Unchanged");
    this.rounds([], []);
    at("verdict").className = "verdict";
    at("verdict").replaceChildren();
    at("cost").replaceChildren();
    at("claim").hidden = true;
    at("ballot").hidden = false;
  }

  /** A card for each question that may be asked, stage by stage. */
  rounds(sizes, stages) {
    const names = sizes.flatMap((size, i) => Array.from({ length: size }, (_, n) =>
      (size === 1 ? `Stage ${stages[i]}` : stages.length === 1 ? `Copy ${n + 1}` : `Stage ${stages[i]}, ${n + 1}`)));
    this.stages = stages;
    this.verdicts = Array(names.length).fill("unasked");
    this.cards = names.map((text) => new Card(text));
    at("copies").replaceChildren(...this.cards.map(({ item }) => item));
    at("original").replaceChildren(this.original.item);
    at("bar").replaceChildren(...this.verdicts.map(() => make("span")));
    this.count();
  }

  take(step) {
    const card = this.cards[step.copy];
    if (step.event === "rounds") {
      this.rounds(step.sizes, step.stages);
    } else if (step.event === "original") {
      this.original.asked.textContent = step.text;
      this.original.mark("pending", "asking…");
    } else if (step.event === "asked") {
      this.mark(step.copy, "pending", "asking…");
      card.asked.replaceChildren(...marked(step));
      card.answer.textContent = "";
    } else if (step.event === "text") {
      card.answer.textContent += step.text;
    } else if (step.event === "lost") {
      this.mark(step.copy, "lost", "lost");
      card.why.textContent = step.why;
    } else if (step.event === "verdict") {
      this.mark(step.copy, step.verdict, SAID[step.verdict]);
    } else if (step.event === "decision") {
      this.decide(step);
    } else if (step.event === "error") {
      this.problem(step.error.message);
    }
    this.count();
  }

  decide(step) {
    this.verdicts.forEach((kind, number) => kind === "pending" && this.mark(number, "cancelled", "not waited for"));
    for (const vote of step.cast.filter(({ copy }) => copy in this.cards)) {
      this.mark(vote.copy, vote.verdict, SAID[vote.verdict]);
      this.cards[vote.copy].because(vote);
    }
    const original = step.original;
    if (original) {
      this.original.mark(original.verdict, SAID[original.verdict]);
      this.original.answer.textContent = original.text;
      this.original.because(original);
    } else {
      this.original.mark("cancelled", step.repeated ? "not asked" : "not waited for");
      this.original.why.textContent = step.repeated ? "" : "The copies had decided; its answer is not needed.";
    }
    const given = step.outcome === "undecided" ? "The client gets an error, and may ask again" : "The client gets";
    at("verdict").className = `verdict ${step.outcome}`;
    at("verdict").replaceChildren(
      make("strong", { text: decided(step) }),
      make("p", { class: "label", text: `${given}:` }),
      make("blockquote", { text: step.text, dir: "auto" }));
    cost(step);
    claim(step);
  }

  mark(number, kind, text) {
    this.verdicts[number] = kind;
    this.cards[number].mark(kind, text);
  }

  count() {
    const of = (kind) => this.verdicts.filter((each) => each === kind).length;
    const order = ["complied", "refused", "lost"];
    const kinds = order.flatMap((kind) => Array(of(kind)).fill(kind));
    [...at("bar").children].forEach((cell, i) => { cell.className = kinds[i] ?? ""; });
    const lost = of("lost");
    const enough = majority(this.stages) ? ` (${needed(this.verdicts.length)} release)` : "";
    at("tally").textContent = `Of ${this.verdicts.length} ${enough ? "copies" : "asked"}: ${of("complied")} answered${enough}, `
      + `${of("refused")} refused${lost ? `, ${lost} lost or unclear, which counts as refused` : ""}`;
  }

  problem(text) {
    at("verdict").className = "verdict undecided";
    at("verdict").replaceChildren(make("strong", { text }));
    this.verdicts.forEach((kind, number) => kind === "pending" && this.mark(number, "cancelled", "stopped"));
    this.original.mark("cancelled", "stopped");
  }
}

/** The decision and why it fell, in a sentence or two. */
function decided({ outcome, votes, copies: count, repeated, original, mode, would, defence, stage }) {
  const by = majority([stage]) && !defence.includes("+") ? "" : stage;
  if (mode === "monitor") return `Answered, for this guard only watches; ${would ? `the vote says: ${would}` : "there was no vote"}.`;
  if (repeated) return "Blocked: this message, or one like it, was refused before. The refusal is remembered, so the model was not asked again.";
  const [release, block] = [needed(count), Math.ceil(count / 2)];
  if (outcome === "released") {
    const own = original?.verdict === "refused" ? " The model itself declines the message as it came; that is passed on as it is." : "";
    return by ? `Released by the stage ${by}: ${votes.complied} of ${count} asked were for it.${own}`
      : `Released: ${votes.complied} of ${count} copies were answered, ${release} are enough.${own}`;
  }
  if (outcome === "blocked" && by) return `Blocked by the stage ${by}: ${votes.refused} of ${count} asked were against it.`;
  if (outcome === "blocked") return `Blocked: ${votes.refused} of ${count} copies were refused, ${block} are enough.`;
  if (outcome === "filtered") return "Blocked: the filter of the model's own server withheld the answer.";
  const why = votes.complied >= release ? "the answer to the message itself is missing or unclear"
    : `${votes.complied} copies were answered, ${votes.refused} refused, and ${votes.lost} lost or unclear`;
  return `Undecided, so nothing is released: ${why}.`;
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

/** The copy's text with what is new in it, and what is gone from it, marked. */
function marked({ text, marks }) {
  if (!marks) return [document.createTextNode(text)];
  const tags = { new: "mark", gone: "del" };
  return marks.map(([kind, run]) => (tags[kind] ? make(tags[kind], { text: visible(run) }) : document.createTextNode(run)));
}

/** Blanks and control characters as the signs that stand for them. */
function visible(text) {
  return text.replace(/[\x00-\x20]/g, (one) => String.fromCharCode(one === " " ? 0x2423 : 0x2400 + one.charCodeAt(0)));
}

look();
