// ---- the photo tab ----

const away = new Set(); // ranks of the regions that were taken away
const view = () => document.querySelector("input[name=view]:checked").value;

render.photo = (photo) => {
  away.clear();
  for (const name of ["photo", "patch"]) {
    at(`${name}-empty`).hidden = Boolean(photo);
    at(`${name}-body`).hidden = !photo;
  }
  at("defences").hidden = !photo;
  at("seen").textContent = photo && photo.seen !== null && photo.seen < 0.98
    ? `This model's preprocessing cuts the photo: it sees ${percent(photo.seen, 0)} of it.` : "";
  header();
  if (!photo) return;
  const [width, height] = photo.input;
  for (const id of ["stage", "patch-stage"]) at(id).style.aspectRatio = `${width} / ${height}`;
  for (const id of ["regions", "patch-svg"]) at(id).setAttribute("viewBox", `0 0 ${width} ${height}`);
  at("stage-photo").alt = `${photo.name}, as the model sees it`;
  at("target-class").replaceChildren(...photo.answers.map((one) => make("option", { value: one.index, text: one.label })));
  drawStage();
  answerRows(at("answers"), photo.answers, false);
};

render.explanation = (explanation) => {
  at("regions").replaceChildren();
  at("sets").replaceChildren();
  at("graph").hidden = true;
  at("hint").hidden = !explanation;
  at("scattered").textContent = explanation?.scattered ?? "";
  if (explanation) {
    at("target-class").value = explanation.target;
    at("regions").replaceChildren(...[...explanation.sets].reverse().flatMap(region), ...explanation.sets.map(tag));
    at("sets").replaceChildren(...explanation.sets.map(sentence));
    if (!explanation.sets.length) at("sets").append(make("li", { text: "No feature speaks for this class, so there is no region to show." }));
    graph(explanation.graph);
    say(`${explanation.sets.length} regions act for ${explanation.label}.`);
  }
  drawStage();
};

render.removed = (removed) => {
  away.clear();
  removed?.regions.forEach((rank) => away.add(rank));
  at("restore").disabled = away.size === 0;
  at("now-head").textContent = away.size ? `without ${[...away].sort().join(", ")}` : "now";
  for (const button of document.querySelectorAll("[data-rank][aria-pressed]")) {
    const gone = away.has(Number(button.dataset.rank));
    button.setAttribute("aria-pressed", gone);
    if (button.tagName === "BUTTON") button.textContent = gone ? "Put back" : "Take away";
  }
  for (const part of document.querySelectorAll("[data-rank]")) part.classList.toggle("gone", away.has(Number(part.dataset.rank)));
  if (removed) answerRows(at("answers"), removed.answers, away.size > 0);
  else if (parts.photo) answerRows(at("answers"), parts.photo.answers, false);
  if (removed && away.size) {
    const [first] = removed.answers.filter((one) => one.label === removed.was);
    say(`Without ${[...away].join(", ")}: ${removed.was} ${shareText(first.before)}, now ${shareText(first.probability)}; the answer is ${removed.label}.`);
  }
  drawStage();
};

function header() {
  const [model, photo] = [parts.model, parts.photo];
  facts(at("facts"), {
    ...(model ? { model: `${model.name} (${model.classes} classes)`, "chat model": model.target } : {}),
    ...(photo ? { photo: `${photo.name}, ${photo.size.join(" × ")}` } : {}),
  });
}

/** What is under the regions: the photo, without some of them, or dimmed under the map. */
function drawStage() {
  const shown = view();
  const { photo, explanation, removed } = parts;
  if (!photo) return;
  const map = shown === "map" && explanation;
  at("stage-photo").src = map ? explanation.dimmed : (removed ?? photo).picture;
  at("stage-map").hidden = !map;
  if (map) at("stage-map").src = explanation.map;
  at("regions").classList.toggle("hidden", shown !== "regions");
}

function region(set) {
  const halo = draw("path", { class: "halo", d: set.outline });
  const path = draw("path", {
    class: "region", d: set.outline, role: "button", tabindex: 0, "aria-pressed": "false", "data-rank": set.rank,
    "aria-label": `Region ${set.rank}: ${set.sentence}. Take it away`,
  });
  path.style.setProperty("--ink", set.colour);
  point(path, set.rank);
  path.addEventListener("click", () => toggle(set.rank));
  path.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle(set.rank);
  });
  return [halo, path];
}

function tag(set) {
  const [width, height] = parts.photo.input;
  const place = { x: width * Math.min(Math.max(set.at[0], 0.04), 0.96), y: height * Math.min(Math.max(set.at[1], 0.05), 0.95) };
  const text = draw("text", { ...place, class: "rank", "aria-hidden": "true", "data-rank": set.rank }, set.rank);
  text.style.fontSize = `${Math.max(width, height) / 16}px`;
  text.style.strokeWidth = `${Math.max(width, height) / 90}px`;
  return text;
}

function sentence(set) {
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.background = set.colour;
  const button = make("button", { type: "button", "aria-pressed": "false", "data-rank": set.rank, text: "Take away", "aria-label": `Take away region ${set.rank}` });
  button.addEventListener("click", () => toggle(set.rank));
  const item = make("li", { "data-rank": set.rank }, make("strong", {}, swatch, ` ${set.rank}`), make("span", { text: set.sentence }), button);
  point(item, set.rank);
  return item;
}

/** While the pointer or the focus is on one part of a region, all of its parts stand out. */
function point(part, rank) {
  const light = (on) => {
    for (const one of document.querySelectorAll("#regions [data-rank], #sets li, #graph [data-rank]")) {
      const same = Number(one.dataset.rank) === rank;
      one.classList.toggle("lit", on && same);
      one.classList.toggle("faint", on && !same);
    }
  };
  part.addEventListener("pointerenter", () => light(true));
  part.addEventListener("pointerleave", () => light(false));
  part.addEventListener("focusin", () => light(true));
  part.addEventListener("focusout", () => light(false));
}

function toggle(rank) {
  const ranks = new Set(away);
  if (!ranks.delete(rank)) ranks.add(rank);
  ask("/api/remove", { regions: [...ranks] });
}

function graph(laid) {
  at("graph").hidden = !laid;
  if (!laid) return;
  const svg = draw("svg", { viewBox: "0 0 300 300", role: "img", "aria-label": laid.edges.map(({ text }) => text).join("; ") || "Each region acts by itself" });
  for (const edge of laid.edges) {
    const line = draw("line", { class: edge.kind, x1: edge.from[0], y1: edge.from[1], x2: edge.to[0], y2: edge.to[1], "stroke-width": edge.width });
    line.append(draw("title", {}, edge.text));
    svg.append(line);
  }
  for (const edge of laid.edges) svg.append(draw("text", { class: edge.kind, x: edge.label[0], y: edge.label[1] }, edge.logits));
  for (const node of laid.nodes) {
    const group = draw("g", { "data-rank": node.rank });
    group.append(draw("circle", { cx: node.at[0], cy: node.at[1], r: 15, fill: node.colour }), draw("text", { class: "node", x: node.at[0], y: node.at[1] }, node.rank));
    point(group, node.rank);
    group.addEventListener("click", () => toggle(node.rank));
    svg.append(group);
  }
  const said = make("figcaption", { class: "quiet" });
  if (laid.kinds.includes("needs")) said.append(make("span", { class: "needs", text: "━ needs" }), ": each loses much of its effect without the other. ");
  if (laid.kinds.includes("stands")) said.append(make("span", { class: "stands", text: "┅ stands in for" }), ": while one is there, the other is missed less. ");
  said.append(laid.kinds.length ? "Numbers are logits." : "Each region acts by itself.");
  at("graph").replaceChildren(svg, said);
}

at("restore").addEventListener("click", () => ask("/api/remove", { regions: [] }));
at("panel-photo").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && away.size) ask("/api/remove", { regions: [] });
});
for (const radio of document.querySelectorAll("input[name=view]")) radio.addEventListener("change", drawStage);
at("target-class").addEventListener("change", async () => {
  if (running("explain")) await ask("/api/stop", { name: "explain" });
  ask("/api/explain", { target: Number(at("target-class").value) });
});
