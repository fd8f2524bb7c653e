// ---- what the studio has, and what it is asked ----

const token = document.querySelector("meta[name=interlock-token]").content;
const drawn = {}; // name of a part -> its number
const parts = {}; // name of a part -> what it is; absent where there is none
const render = {}; // name of a part -> function that draws it, or null where there is none
const whenJob = {}; // kind of work -> function that is told of it
let jobs = {};
const [BUSY, IDLE] = [350, 2500]; // milliseconds between two looks at the state

async function call(method, path, body, headers = {}) {
  const response = await fetch(path, { method, body, headers: { "x-interlock-token": token, ...headers } });
  const value = await response.json();
  if (!response.ok) throw new Error(value.error.message);
  return value;
}

/** Ask for something; what came of it is drawn, or said where it cannot be had. */
async function ask(path, value = {}) {
  await doing(call("POST", path, JSON.stringify(value), { "content-type": "application/json" }));
}

async function doing(work) {
  try {
    await take(await work);
    problem("");
  } catch (error) {
    problem(error instanceof TypeError ? "The studio does not answer; it may have been stopped." : error.message);
  }
}

function problem(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

/** Tell those who cannot see it. */
function say(text) {
  at("said").textContent = text;
}

/** Draw what is new. */
async function take(state) {
  at("footer").textContent = `interlock ${state.version}`;
  for (const name of Object.keys(parts)) {
    if (name in state.parts) continue;
    delete parts[name];
    delete drawn[name];
    render[name]?.(null);
  }
  const names = Object.keys(render).filter((name) => name in state.parts && !(drawn[name] >= state.parts[name]));
  for (const name of names) {
    const answer = await call("GET", `/api/parts/${name}`).catch(() => null); // it may be gone by now
    if (!answer || drawn[name] >= answer.number) continue;
    drawn[name] = answer.number;
    parts[name] = answer.part;
    render[name](answer.part);
  }
  jobs = state.jobs;
  for (const place of document.querySelectorAll("[data-job]")) progress(place, jobs[place.dataset.job]);
  for (const [kind, told] of Object.entries(whenJob)) told(jobs[kind]);
}

const running = (kind) => jobs[kind]?.state === "running";

/** A bar, what is being done, and a button to stop it; afterwards why it failed. */
function progress(place, job) {
  const kind = place.dataset.job;
  const alive = job && ["running", "stopping"].includes(job.state);
  if (!alive) {
    const text = job?.state === "failed" ? job.error : job?.state === "stopped" ? "Stopped." : "";
    if (place.dataset.text === text && !place.querySelector("progress")) return;
    const focused = place.contains(document.activeElement);
    place.dataset.text = text;
    place.className = `job ${job?.state ?? ""}`;
    place.replaceChildren(...(text ? [make("p", { role: job.state === "failed" ? "alert" : "status", text })] : []));
    if (focused) (place.closest("[role=tabpanel], #setup") ?? document.body).querySelector("button, select")?.focus();
    return;
  }
  if (!place.querySelector("progress")) {
    const stop = make("button", { type: "button", text: "Stop", "aria-label": `Stop: ${place.dataset.title}` });
    stop.addEventListener("click", () => ask("/api/stop", { name: kind }));
    place.className = "job running";
    place.replaceChildren(
      make("progress", { max: 1, "aria-label": place.dataset.title }),
      make("span", { class: "quiet", "aria-hidden": "true" }), stop);
    say(`${place.dataset.title}…`);
  }
  const bar = place.querySelector("progress");
  if (job.share === null) bar.removeAttribute("value");
  else bar.value = job.share;
  const share = job.share === null ? "" : ` ${percent(job.share, 0)}`;
  place.querySelector("span").textContent = job.state === "stopping" ? "stopping…"
    : `${place.dataset.title}${share}${job.note ? `, ${job.note}` : ""}, ${job.seconds.toFixed(0)} s`;
  place.querySelector("button").disabled = job.state === "stopping";
}

async function look() {
  if (!document.hidden) {
    try {
      await take(await call("GET", "/api/state"));
      if (at("problem").dataset.lost) problem("");
      delete at("problem").dataset.lost;
    } catch (error) {
      problem(error instanceof TypeError ? "The studio does not answer; it may have been stopped." : error.message);
      at("problem").dataset.lost = "yes";
    }
  }
  const alive = Object.values(jobs).some((job) => ["running", "stopping"].includes(job.state));
  setTimeout(look, alive ? BUSY : IDLE);
}

/** Probabilities before and now, in rows; `more` has further attributes of a row. */
function answerRows(place, answers, changed) {
  const bar = (share, kind) => {
    const inner = make("span", { class: `share ${kind}` });
    inner.style.width = `${(100 * share).toFixed(1)}%`;
    return make("td", {}, make("span", { class: "track", "aria-hidden": "true" }, inner), make("span", { class: "number", text: shareText(share) }));
  };
  const best = Math.max(...answers.map((one) => one.probability));
  place.replaceChildren(...answers.map((one) => make("tr", one.probability === best ? { class: "best" } : {},
    make("th", { scope: "row", text: one.label }),
    bar(one.before ?? one.probability, "before"),
    changed ? bar(one.probability, "now") : make("td", { text: "–" }))));
}

/** As the library writes a share: 0.5 %, 42 %, 99.9 %. */
function shareText(share) {
  const value = 100 * share;
  return percent(share, Math.abs(value) < 10 || (value > 99 && value < 99.95) ? 1 : 0);
}
