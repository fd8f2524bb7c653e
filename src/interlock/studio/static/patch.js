// ---- the patch tab ----

let square = null; // {top, left, side} as it is drawn; the studio may not know it yet
let held = null; // what a pointer does with it
let sending = 0;

const outline = draw("rect", { id: "square", class: "square", tabindex: 0, role: "button", "aria-describedby": "patch-hint" });
at("patch-svg").append(outline);

render.patch = (patch) => {
  if (!patch) return;
  if (!held && !sending) square = { top: patch.top, left: patch.left, side: patch.side };
  at("patch-photo").src = patch.picture;
  at("patch-photo").alt = patch.on ? "The photo with the patch" : "The photo, without a patch";
  at("content").value = patch.content;
  at("content").querySelector("[value=made]").disabled = !patch.made;
  at("paste").setAttribute("aria-pressed", patch.on);
  at("paste").textContent = patch.on ? "Take it off" : "Paste it";
  const moved = patch.on && patch.label !== patch.was;
  at("bare").className = `verdict-line ${patch.on ? (moved ? "bad" : "good") : "quiet"}`;
  at("bare").textContent = !patch.on ? `${patch.was}, without a patch`
    : moved ? `Taken in: ${patch.was} became ${patch.label}` : `Not taken in: still ${patch.label}`;
  at("made").textContent = !patch.made ? ""
    : patch.made.fooled ? `${patch.made.steps} steps made it ${patch.made.label} (${shareText(patch.made.probability)}), where the square was then.`
      : `${patch.made.steps} steps found nothing that changes the answer; try more, or another place.`;
  answerRows(at("patch-answers"), patch.answers, patch.on);
  drawSquare();
};

function drawSquare() {
  if (!square) return;
  outline.setAttribute("x", square.left);
  outline.setAttribute("y", square.top);
  outline.setAttribute("width", square.side);
  outline.setAttribute("height", square.side);
  const pasted = parts.patch?.on ? "pasted" : "not pasted";
  outline.setAttribute("aria-label", `Patch of ${square.side} pixels, ${square.left} from the left, ${square.top} from the top, ${pasted}`);
}

/** The square inside the photo, of a size that is allowed. */
function within({ top, left, side }) {
  const [width, height] = parts.photo.input;
  const most = Math.floor(Math.sqrt(0.25 * width * height));
  side = Math.round(Math.min(Math.max(side, 2), most, width, height));
  const clamp = (value, limit) => Math.round(Math.min(Math.max(value, 0), limit - side));
  return { top: clamp(top, height), left: clamp(left, width), side };
}

const put = (more = {}) => {
  clearTimeout(sending);
  sending = 0;
  return ask("/api/patch", { ...square, ...more });
};

function move(change) {
  square = within({ ...square, ...change });
  drawSquare();
}

outline.addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 8 : 1;
  const changes = {
    ArrowUp: { top: square.top - step }, ArrowDown: { top: square.top + step },
    ArrowLeft: { left: square.left - step }, ArrowRight: { left: square.left + step },
    "+": { side: square.side + 1 }, "=": { side: square.side + 1 }, "-": { side: square.side - 1 },
  };
  if (event.key === "Enter" || event.key === " ") put({ on: !parts.patch.on });
  else if (event.key in changes) {
    move(changes[event.key]);
    clearTimeout(sending);
    sending = setTimeout(put, 200); // not at each key
  } else return;
  event.preventDefault();
});

/** Where a pointer is, in pixels of the model's input. */
function place(event) {
  const box = at("patch-svg").getBoundingClientRect();
  const [width, height] = parts.photo.input;
  return { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
}

at("patch-svg").addEventListener("pointerdown", (event) => {
  if (!square || event.button) return;
  const { x, y } = place(event);
  const inside = x >= square.left && x < square.left + square.side && y >= square.top && y < square.top + square.side;
  if (!inside && event.pointerType === "touch") return; // a finger scrolls the page there
  held = inside ? { dx: x - square.left, dy: y - square.top } : { x, y };
  at("patch-svg").setPointerCapture(event.pointerId);
  event.preventDefault();
  outline.focus();
});
at("patch-svg").addEventListener("pointermove", (event) => {
  if (!held) return;
  const { x, y } = place(event);
  if ("dx" in held) return void move({ left: x - held.dx, top: y - held.dy });
  const side = Math.max(Math.abs(x - held.x), Math.abs(y - held.y));
  if (side < 3) return;
  move({ side, left: x < held.x ? held.x - side : held.x, top: y < held.y ? held.y - side : held.y });
});
for (const end of ["pointerup", "pointercancel"]) {
  at("patch-svg").addEventListener(end, () => {
    if (!held) return;
    held = null;
    put({ on: true });
  });
}

at("content").addEventListener("change", () => put({ content: at("content").value, on: true }));
at("paste").addEventListener("click", () => put({ on: !parts.patch.on }));
at("attack-form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("/api/attack", { steps: Number(at("steps").value) });
});
at("ask-shield").addEventListener("click", () => ask("/api/shield"));
at("certify-form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("/api/certify", { area: Number(at("area").value) });
});
whenJob.attack = () => { at("attack-form").querySelector("button").disabled = running("attack"); };
whenJob.shield = () => { at("ask-shield").disabled = running("shield"); };
whenJob.certify = () => { at("certify-form").querySelector("button").disabled = running("certify"); };

const pictured = (part) => (part.patched ? "with the patch" : "without a patch");

/** A sentence, the picture, and the numbers. */
function verdict(place, kind, text, picture, alt, numbers) {
  const list = make("dl", { class: "facts" });
  facts(list, numbers);
  place.replaceChildren(make("p", { class: `verdict-line ${kind}`, role: "status", text }), make("img", { src: picture, alt }), list);
}

/** Green for the answer to the photo as it came, red for another one. */
const kind = (part) => (part.label === part.own ? "good" : "bad");
const without = (part) => (part.patched && part.label !== part.own ? ` The photo without the patch is ${part.own} to the model.` : "");

render.shield = (part) => {
  if (!part) return at("shield").replaceChildren();
  const said = part.label !== part.undefended ? `It hides something and answers ${part.label}, where the model alone says ${part.undefended}.`
    : part.tampered ? `It hides something, and the answer stays ${part.label}.` : `It hides nothing; the answer is ${part.label}.`;
  verdict(at("shield"), kind(part), said + without(part), part.picture,
    part.tampered ? "The photo, with what the shield hides in magenta" : "The photo; nothing is hidden", {
      picture: pictured(part),
      foreignness: `${part.score.toFixed(2)} of what raises an alarm`,
      hidden: percent(part.hidden, 1),
      "asked the model": `${part.passes} ${part.passes === 1 ? "time" : "times"}`,
      "fitted to": part.fitted,
    });
};

render.certified = (part) => {
  if (!part) return at("certified").replaceChildren();
  const size = percent(part.area, 0);
  const said = part.assured
    ? `${part.label}, assured: whatever one square of up to ${size} shows in this picture, the answer would be the same without it.`
    : `${part.label}, not assured: a square of up to ${size} may have a part in it.`;
  const beyond = part.beyond ? ` The patch in it is larger than ${size}, so that nothing is promised of it.` : "";
  const assured = part.label === part.own && !part.assured ? "undecided" : kind(part);
  verdict(at("certified"), assured, said + beyond + without(part), part.picture,
    part.assured ? "The photo; no place is unsafe" : "The photo, with places where a patch may change the answer in magenta", {
      picture: pictured(part),
      "safe places": percent(part.safe, 0),
      "the model alone": part.undefended,
      "asked the model": `${part.passes} times`,
    });
};
