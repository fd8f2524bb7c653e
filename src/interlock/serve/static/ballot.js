// ---- a vote, copy by copy ----

const needed = (count) => Math.floor(count / 2) + 1; // copies that release

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
  /** `whenDecided` is told the decision, for what the page says of it beside. */
  constructor(whenDecided = () => {}) {
    this.whenDecided = whenDecided;
    this.original = new Card("Unchanged");
    this.rounds([], []);
    at("verdict").className = "verdict";
    at("verdict").replaceChildren();
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
    const given = step.outcome === "undecided" ? at("verdict").dataset.undecided : at("verdict").dataset.given;
    at("verdict").className = `verdict ${step.outcome}`;
    at("verdict").replaceChildren(
      make("strong", { text: decided(step) }),
      make("p", { class: "label", text: `${given}:` }),
      make("blockquote", { text: step.text, dir: "auto" }));
    this.whenDecided(step);
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
