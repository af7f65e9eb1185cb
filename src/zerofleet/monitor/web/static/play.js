// Games against the net of the run, on the same boards. The browser keeps the game: the list of its
// actions goes with every question.
import { BoardView, resultText, sideName } from "./boards.js";
import { fetchJson, make, version } from "./format.js";
import { showEvaluation } from "./games.js";
import { Thoughts } from "./thoughts.js";

const EFFORTS = { quick: "quickly", normal: "normally", strong: "with care" };
const KEYS = { ArrowUp: "up", ArrowRight: "right", ArrowDown: "down", ArrowLeft: "left" };
const PIECES = { Q: "Queen", R: "Rook", B: "Bishop", N: "Knight" };

export class View {
  constructor(element, head) {
    this.element = element;
    this.head = head;
    this.actions = [];
    this.side = 0;
    this.build();
    document.addEventListener("keydown", (event) => this.key(event));
  }

  build() {
    const button = (text, action, more = {}) => make("button", { type: "button", onclick: action, ...more }, text);
    this.effort = make("select", {}, ...Object.entries(EFFORTS).map(([value, text]) => make("option", { value, selected: value === "normal" }, text)));
    this.first = button("New game, you begin", () => this.start(0), { class: "main" });
    this.second = button("New game, the net begins", () => this.start(1));
    const chooser = make("div", { class: "chooser card" }, this.first, this.second, make("label", {}, "The net plays ", this.effort));
    this.message = make("p", { class: "notice", role: "status", "aria-live": "polite", "data-field": "turn" }, "");
    this.boardBox = make("div", { class: "board-box" });
    this.board = new BoardView(this.boardBox);
    this.choices = make("div", { class: "steps", "data-field": "choices" });
    this.undo = button("Take back", () => this.takeBack());
    this.pass = button("Pass", () => this.move(this.found.legal.find((m) => m.text === "pass")));
    this.netMove = button("Let the net move", () => this.ask({ net: true }));
    this.think = button("What does the net think?", () => this.evaluate());
    const steps = make("div", { class: "steps" }, this.pass, this.netMove, this.think, this.undo);
    const sideBox = make("div", { class: "card side" });
    this.history = make("p", { class: "quiet small", "data-field": "history" });
    this.thoughts = new Thoughts(sideBox);
    sideBox.append(make("h2", {}, "Moves"), this.history);
    this.viewer = make("div", { class: "viewer", hidden: true }, make("div", { class: "card" }, this.boardBox, this.choices, steps), sideBox);
    this.element.append(chooser, this.message, this.viewer);
  }

  show() {
    if (!this.found) this.start(0);
  }

  start(side) {
    this.side = side;
    this.actions = [];
    this.before = [];
    this.texts = [];
    this.ask({});
  }

  // Asks the server to go on: the net's answers, nature's moves, who is to move, or the result.
  async ask(more) {
    if (this.busy) return;
    this.busy = true;
    this.message.textContent = "The net is thinking …";
    this.board.svg.classList.add("waiting");
    try {
      const question = { actions: this.actions, side: this.side, effort: this.effort.value, ...more };
      const found = await fetchJson("api/play", question);
      this.actions = found.actions;
      this.texts.push(...found.played.map((m) => [m.by, m.text]));
      this.take(found);
    } catch (error) {
      this.message.textContent = error.message;
      if (this.lastGood) this.actions = this.lastGood;
    }
    this.busy = false;
    this.board.svg.classList.remove("waiting");
  }

  take(found) {
    this.found = found;
    this.lastGood = [...found.actions];
    this.last = found.played.at(-1) ?? this.mine ?? null;
    this.board.chosen = null;
    this.viewer.hidden = false;
    const { game, returns } = found, alone = found.num_players === 1;
    this.second.hidden = alone;
    this.first.textContent = alone ? "New game" : "New game, you begin";
    this.netMove.hidden = !alone || returns !== null;
    this.pass.hidden = !found.legal.some((m) => m.text === "pass");
    this.think.hidden = returns !== null;
    this.undo.disabled = !this.before.length;
    this.thoughts.show({ game, title: `${version(found.version)}, ${found.search}`, value: null, note: "", moves: [], onePlayer: alone });
    const name = alone ? "" : `You are ${sideName(game, this.side)}. `;
    const score = game === "twenty48" ? `Score ${found.frame.remark}. ` : "";
    if (returns === null) this.message.textContent = `${name}${score}${alone ? "Arrow keys, or the buttons below." : "Your move."}`;
    else this.message.textContent = this.ending(returns, alone);
    this.history.textContent = this.texts.map(([by, text], i) => `${i + 1}. ${alone ? "" : by === this.side ? "you " : "net "}${text}`).join("   ");
    this.choices.replaceChildren(...(game === "twenty48" && returns === null
      ? found.legal.map((m) => make("button", { type: "button", onclick: () => this.move(m) }, m.text)) : []));
    this.draw();
  }

  ending(returns, alone) {
    if (alone) return `The game is over. ${resultText(this.found.game, returns)}.`;
    const mine = returns[this.side];
    const how = mine > 0 ? "You won" : mine < 0 ? "The net won" : "Drawn";
    return `The game is over. ${how}${mine ? ` (${resultText(this.found.game, returns)})` : ""}.`;
  }

  draw() {
    const { game, columns, frame, legal, returns } = this.found;
    this.board.draw(game, columns, frame, {
      last: this.last, legal, marks: this.marks ?? [],
      onMove: returns === null ? (cell, moves) => this.choose(cell, moves) : null,
    });
    this.marks = null;
  }

  choose(cell, moves) {
    if (this.busy) return;
    if (moves[0].from != null && cell === moves[0].from) {
      this.board.chosen = this.board.chosen === cell ? null : cell;
      this.draw();
      return;
    }
    if (moves.length === 1) this.move(moves[0]);
    else this.promote(moves);
  }

  // Several moves lead there: a pawn may become this or that.
  promote(moves) {
    this.choices.replaceChildren("Becomes ", ...moves.map((m) => make("button", { type: "button", onclick: () => this.move(m) }, PIECES[m.text.match(/=([QRBN])/)?.[1]] ?? m.text)));
  }

  move(move) {
    if (this.busy || !move) return;
    this.before.push([[...this.actions], this.texts.length]);
    this.actions = [...this.actions, move.action];
    this.texts.push([this.side, move.text]);
    this.mine = move;
    this.ask({});
  }

  takeBack() {
    if (this.busy || !this.before.length) return;
    const [actions, texts] = this.before.pop();
    this.actions = actions;
    this.texts.length = texts;
    this.mine = null;
    this.ask({});
  }

  async evaluate() {
    if (this.busy) return;
    this.busy = true;
    const before = this.message.textContent;
    this.message.textContent = "The net is thinking …";
    try {
      const found = await fetchJson("api/evaluate", { actions: this.actions, effort: this.effort.value });
      showEvaluation(this.thoughts, this.found.game, found, null, this.found.num_players === 1);
      this.marks = found.moves.slice(0, 6).map((m) => ({ from: m.from, to: m.to, weight: m.policy ?? Math.max(0, 1 - 4 * (found.moves[0].value - m.value)), text: "" }));
      this.draw();
      this.message.textContent = before;
    } catch (error) {
      this.message.textContent = error.message;
    }
    this.busy = false;
  }

  key(event) {
    const text = KEYS[event.key];
    if (this.element.hidden || this.found?.game !== "twenty48" || !text || event.target.tagName === "SELECT") return;
    event.preventDefault();
    this.move(this.found.legal.find((m) => m.text === text));
  }
}
