// Beside a board: who is ahead by the value, the moves with their shares, the value over the game.
import { make, number, percent } from "./format.js";
import { sideName } from "./boards.js";

export class Thoughts {
  constructor(parent) {
    this.title = make("h2");
    this.value = make("div", { class: "value" }, make("span"), make("div", { class: "bar" }, make("i")), make("span"));
    this.note = make("p", { class: "quiet small" });
    this.list = make("ol", { class: "moves" });
    parent.append(this.title, this.value, this.note, this.list);
  }

  // value: of the first player in [-1, 1] or null; moves: [{text, share, chosen, detail}]
  show({ game, title, value, note, moves, onePlayer }) {
    this.title.textContent = title;
    this.value.hidden = value == null || onePlayer;
    if (value != null && !onePlayer) {
      const [first, bar, second] = this.value.children;
      const share = (1 + value) / 2;
      first.textContent = `${sideName(game, 0)} ${percent(share)}`;
      second.textContent = `${percent(1 - share)} ${sideName(game, 1)}`;
      bar.firstElementChild.style.width = `${100 * share}%`;
      this.value.title = `Expected score: ${number(share)} for ${sideName(game, 0)}`;
    }
    this.note.textContent = note ?? "";
    const most = Math.max(0.0001, ...moves.map((m) => m.share ?? 0));
    this.list.replaceChildren(...moves.slice(0, 12).map((m) => make("li", { class: m.chosen ? "chosen" : null, style: `--share:${(100 * (m.share ?? 0) / most).toFixed(1)}%` },
      make("b", {}, m.text), make("span", {}, m.detail ?? percent(m.share, 1)))));
  }
}

const SPACE = "http://www.w3.org/2000/svg";

// The first player's value, ply by ply; a click goes there.
export class ValueCurve {
  constructor(parent, onPly) {
    this.svg = document.createElementNS(SPACE, "svg");
    this.svg.setAttribute("class", "curve");
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("viewBox", "0 -1.05 100 2.1");
    this.svg.addEventListener("click", (event) => {
      const area = this.svg.getBoundingClientRect();
      if (this.count > 1) onPly(Math.round(((event.clientX - area.left) / area.width) * (this.count - 1)));
    });
    parent.append(this.svg);
  }

  show(values, at) {
    this.count = values.length;
    const x = (i) => (values.length > 1 ? (100 * i) / (values.length - 1) : 0);
    const points = values.map((v, i) => (v == null ? null : `${x(i).toFixed(2)},${(-v).toFixed(4)}`)).filter(Boolean);
    const path = (d, className) => {
      const element = document.createElementNS(SPACE, "path");
      element.setAttribute("d", d);
      element.setAttribute("class", className);
      element.setAttribute("vector-effect", "non-scaling-stroke");
      return element;
    };
    this.svg.replaceChildren(path("M0 0H100", "zero"), path(points.length ? `M${points.join("L")}` : "", "line"), path(`M${x(at)} -1.05V1.05`, "now"));
  }
}
