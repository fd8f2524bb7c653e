// ---- tabs, photos and models ----

let offers = { samples: [], defences: [], attack: "" };
const FOLDER = "\u0000folder"; // no name of a model

const tabs = [...document.querySelectorAll("[role=tab]")];

function open(tab) {
  for (const one of tabs) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", chosen);
    one.tabIndex = chosen ? 0 : -1;
    at(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  at("setup").hidden = tab.id === "tab-prompt";
  sessionStorage.setItem("interlock-studio-tab", tab.id);
}

for (const [number, tab] of tabs.entries()) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const next = { ArrowRight: number + 1, ArrowLeft: number - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const to = tabs[(next + tabs.length) % tabs.length];
    open(to);
    to.focus();
  });
}

function upload(file) {
  if (!file) return;
  say(`Reading ${file.name}…`);
  doing(call("PUT", `/api/photo?name=${encodeURIComponent(file.name)}`, file, { "content-type": "application/octet-stream" }));
}

at("file").addEventListener("change", () => {
  upload(at("file").files[0]);
  at("file").value = ""; // the same file may be chosen again
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) at("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  upload(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => upload([...(event.clipboardData?.files ?? [])][0]));

/** The name that a select and the field beside it give. */
function named(id) {
  return at(id).value === FOLDER ? at(`${id}-path`).value.trim() : at(id).value;
}

/** What can be chosen: what there was, these, and a folder. */
function fill(id, models) {
  const before = at(id).value;
  const names = [...at(id).options].map(({ value }) => value).filter((name) => name !== FOLDER);
  const all = [...new Set([...names, "embedded", ...models.map(({ name }) => name)])];
  at(id).replaceChildren(
    ...all.map((name) => make("option", { value: name, text: name })),
    make("option", { value: FOLDER, text: "a folder on this machine…" }));
  if (before) at(id).value = before;
}

/** Choose a name, which is an option from then on. */
function choose(id, name) {
  if ([...at(id).options].every(({ value }) => value !== name)) fill(id, [{ name }]);
  at(id).value = name;
  at(`${id}-folder`).hidden = true;
}

for (const id of ["model", "target"]) {
  at(id).addEventListener("change", () => { at(`${id}-folder`).hidden = at(id).value !== FOLDER; });
}
at("model-form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("/api/model", { name: named("model") || "." });
});
whenJob.model = () => { at("model-form").querySelector("button").disabled = running("model"); };
at("defence").addEventListener("change", defenceWords);

function defenceWords() {
  at("defence-words").textContent = offers.defences.find(({ text }) => text === at("defence").value)?.words ?? "";
}

render.model = (model) => {
  header();
  if (!model) return;
  choose("model", model.name);
  if (!at("target").dataset.chosen) choose("target", model.target);
  at("target").dataset.chosen = "yes";
};

async function begin() {
  try {
    offers = await call("GET", "/api/offers");
  } catch (error) {
    problem(error.message);
  }
  at("samples").replaceChildren(...offers.samples.map((sample) => {
    const button = make("button", { type: "button", title: sample.name, "aria-label": `Try the photo ${sample.name}` }, make("img", { src: sample.picture, alt: "" }));
    button.addEventListener("click", () => ask("/api/sample", { name: sample.id }));
    return button;
  }));
  at("defence").replaceChildren(...offers.defences.map(({ text }) => make("option", { value: text, text })));
  defenceWords();
  fill("model", []);
  fill("target", []);
  open(at(sessionStorage.getItem("interlock-studio-tab")) ?? tabs[0]);
  await look();
  const none = { models: [], targets: [] };
  const { models, targets } = await call("GET", "/api/models").catch(() => none); // it looks through folders
  fill("model", models);
  fill("target", targets);
}

begin();
