// ---- tabs, photos and models ----

let offers = { samples: [], models: [], targets: [], defences: [], attack: "" };
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

function fill(id, models, first) {
  const names = [...new Set([first, ...models.map(({ name }) => name)])];
  at(id).replaceChildren(
    ...names.map((name) => make("option", { value: name, text: name })),
    make("option", { value: FOLDER, text: "a folder on this machine…" }));
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
  if (model && at("model").value !== FOLDER && [...at("model").options].some(({ value }) => value === model.name)) at("model").value = model.name;
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
  fill("model", offers.models, "embedded");
  fill("target", offers.targets, "embedded");
  at("defence").replaceChildren(...offers.defences.map(({ text }) => make("option", { value: text, text })));
  defenceWords();
  const model = await call("GET", "/api/parts/model").catch(() => null);
  if (model) {
    fill("model", offers.models, model.part.name);
    fill("target", offers.targets, model.part.target);
  }
  open(at(sessionStorage.getItem("interlock-studio-tab")) ?? tabs[0]);
  look();
}

begin();
