// ---- the prompt tab ----

let ballot = null;
let begun = ""; // the vote that is shown
let told = 0; // its steps that are shown

render.vote = (vote) => {
  if (!vote) {
    at("ballot").hidden = true;
    begun = "";
    return;
  }
  const [first] = vote.steps.length ? [JSON.stringify([vote.prompt, vote.defence, vote.target])] : [""];
  if (first !== begun || vote.steps.length < told) {
    begun = first;
    told = 0;
    ballot = new Ballot(withheld);
    at("cost").replaceChildren();
    if (!at("prompt").dataset.touched) at("prompt").value = vote.prompt;
  }
  for (const step of vote.steps.slice(told)) ballot.take(step);
  told = vote.steps.length;
};

/** What the studio says beside the decision. */
function withheld(step) {
  if (step.withheld && step.original.verdict === "complied") {
    at("verdict").append(make("p", { class: "label", text: "Without the defence the model would have answered; see the message as it came, below." }));
  }
  facts(at("cost"), {
    calls: `${step.calls} (without the defence: 1)`,
    "copies not needed": step.saved,
    time: `${(step.milliseconds / 1000).toFixed(1)} s`,
  });
}

whenJob.vote = (job) => {
  at("ask").disabled = running("vote");
  if (job && ["stopped", "failed"].includes(job.state) && ballot && told && !at("verdict").textContent) {
    ballot.problem(job.state === "stopped" ? "Stopped; nothing more is asked." : job.error);
  }
};

at("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("try-form").requestSubmit();
});
at("prompt").addEventListener("input", () => { at("prompt").dataset.touched = "yes"; });
at("try-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running("vote")) return;
  at("prompt").dataset.touched = "yes";
  begun = "";
  ask("/api/vote", { prompt: at("prompt").value, defence: at("defence").value, target: named("target") });
});
const honest = at("prompt").value;
at("benign").addEventListener("click", () => { at("prompt").value = honest; });
at("jailbreak").addEventListener("click", () => { at("prompt").value = offers.attack; });
