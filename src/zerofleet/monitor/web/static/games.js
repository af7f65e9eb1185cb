// Self-play games of the run, step by step, with what search found in them.
import { BoardView, resultText, sideName } from "./boards.js";
import { fetchJson, make, none, number, percent, version } from "./format.js";
import { Thoughts, ValueCurve } from "./thoughts.js";

export class View {
  constructor(element, head) {
    this.element = element;
    this.head = head;
    this.ply = 0;
    this.build();
    document.addEventListener("keydown", (event) => this.key(event));
  }

  build() {
    this.shards = make("select", { "aria-label": "File of games", onchange: () => this.openShard(this.shards.value) });
    this.games = make("select", { "aria-label": "Game", onchange: () => this.openGame(Number(this.games.value)) });
    const button = (text, title, action) => make("button", { type: "button", title, "aria-label": title, onclick: action }, text);
    this.refresh = button("Newest", "Look for new games", () => this.load(true));
    const chooser = make("div", { class: "chooser card" },
      make("label", {}, "File ", this.shards), make("label", {}, "Game ", this.games),
      button("‹", "Game before", () => this.openGame(this.index - 1)), button("›", "Next game", () => this.openGame(this.index + 1)), this.refresh);
    this.message = make("p", { class: "notice", hidden: true });
    this.boardBox = make("div", { class: "board-box" });
    this.board = new BoardView(this.boardBox);
    this.slider = make("input", { type: "range", min: 0, value: 0, "aria-label": "Move", oninput: () => this.go(Number(this.slider.value)) });
    this.playButton = button("Run", "Play through", () => this.toggle());
    this.where = make("span", { class: "where", "data-field": "where" });
    const steps = make("div", { class: "steps" },
      button("|◀", "Start", () => this.go(0)), button("◀", "Back", () => this.go(this.ply - 1)), button("▶", "Forward", () => this.go(this.ply + 1)),
      button("▶|", "End", () => this.go(1e9)), this.playButton, this.where);
    this.side = make("div", { class: "card side" });
    this.facts = make("p", { class: "facts", "data-field": "facts" });
    this.side.append(this.facts);
    this.ask = make("input", { type: "checkbox", onchange: () => this.show() });
    this.askLabel = make("span", {}, "");
    this.side.append(make("label", { class: "ask" }, this.ask, this.askLabel));
    this.thoughts = new Thoughts(this.side);
    this.side.append(make("h2", {}, "Value over the game"));
    this.curve = new ValueCurve(this.side, (ply) => this.go(ply));
    this.viewer = make("div", { class: "viewer", hidden: true }, make("div", { class: "card" }, this.boardBox, this.slider, steps), this.side);
    this.element.append(chooser, this.message, this.viewer);
  }

  show() {
    if (this.game) this.go(this.ply);
    else this.loading ??= this.load(true).finally(() => { this.loading = null; });
  }

  say(text) {
    this.message.hidden = !text;
    this.message.textContent = text;
  }

  async load(newest) {
    try {
      const found = await fetchJson("api/shards");
      const options = found.map((s) => make("option", { value: s.name }, `${version(s.version)}  ${s.worker}  ${s.batch}${s.counted ? "" : "  (waits)"}`));
      this.shards.replaceChildren(...options);
      if (!found.length) {
        this.say("No games are kept in this run yet. They stay as long as they are in the window.");
        this.viewer.hidden = true;
      } else if (newest) await this.openShard(found[0].name);
    } catch (error) {
      this.say(error.message);
    }
  }

  async openShard(name) {
    this.stop();
    try {
      this.wanted = name;
      const found = await fetchJson(`api/shards/${encodeURIComponent(name)}`);
      if (this.wanted !== name) return; // another one was chosen meanwhile
      this.shard = found;
      this.games.replaceChildren(...found.games.map((g, i) => make("option", { value: i }, `${g.number}: ${resultText(found.game, g.returns)}, ${g.plies} plies`)));
      if (!found.has_board) {
        this.viewer.hidden = true;
        this.say(`There is no board for ${found.game}; its games are listed above.`);
        return;
      }
      await this.openGame(0);
    } catch (error) {
      if (this.wanted !== name) return;
      this.viewer.hidden = true;
      this.say(error.message);
    }
  }

  async openGame(index) {
    if (!this.shard || index < 0 || index >= this.shard.games.length) return;
    this.stop();
    const shard = this.shard;
    this.index = index;
    this.games.value = String(index);
    try {
      const game = await fetchJson(`api/shards/${encodeURIComponent(shard.name)}/${index}`);
      if (this.shard !== shard || this.index !== index) return; // another one was chosen meanwhile
      this.game = game;
    } catch (error) {
      if (this.shard !== shard || this.index !== index) return;
      this.viewer.hidden = true;
      this.say(error.message);
      return;
    }
    this.viewer.hidden = false;
    this.say(this.game.error ? `The game cannot be replayed to its end: ${this.game.error}` : "");
    this.onePlayer = this.game.returns.length === 1;
    this.slider.max = this.game.frames.length - 1;
    const { worker, number: count, end } = this.game;
    this.facts.textContent = `${resultText(this.game.game, this.game.returns)}, ${end}. Game ${count} of ${worker}, played by ${version(this.game.version)}.`;
    this.values = this.game.frames.map((f) => (f.value == null ? null : f.to_play === 1 ? -f.value : f.value));
    this.asked = new Map();
    this.go(0);
  }

  go(ply) {
    if (!this.game) return;
    this.ply = Math.max(0, Math.min(this.game.frames.length - 1, ply));
    if (this.ply === this.game.frames.length - 1) this.stop();
    this.slider.value = this.ply;
    const { frames, game, columns } = this.game, frame = frames[this.ply];
    const who = frame.move ? `${this.onePlayer ? "" : `${sideName(game, frame.move.by)} `}${frame.move.text}` : "start";
    const score = game === "twenty48" ? `, score ${frame.remark}` : "";
    this.where.textContent = `${this.ply} of ${frames.length - 1}: ${who}${score}`;
    this.askLabel.textContent = ` Ask the newest net${this.head()?.model_version ? ` (${version(this.head().model_version)})` : ""}`;
    const next = frames[this.ply + 1]?.move;
    this.curve.show(this.values, this.ply);
    if (this.ask.checked && frame.to_play >= 0) this.askNet(frame, next);
    else this.recorded(frame, next);
    this.lastMarks ??= [];
    this.board.draw(game, columns, frame, { marks: this.lastMarks, last: frame.move });
  }

  recorded(frame, next) {
    const policy = frame.policy ?? [];
    this.lastMarks = marksOf(policy.map((m) => ({ ...m, share: m.policy })));
    const chosen = (m) => next && m.action === next.action;
    let note = "";
    if (frame.opening) note = "A random move of the opening: nothing was searched.";
    else if (frame.value == null && frame.to_play >= 0) note = "Self-play recorded no value here.";
    else if (!policy.length && frame.to_play >= 0) note = frame.fast ? "A fast search: its policy is not learned from." : "No policy is recorded here; ask the net for one.";
    const moves = policy.map((m) => ({ text: m.text, share: m.policy, chosen: chosen(m) }));
    if (!moves.length && next) moves.push({ text: next.text, share: 0, chosen: true, detail: "played" });
    const value = frame.to_play < 0 ? this.result() : this.values[this.ply];
    this.thoughts.show({ game: this.game.game, title: frame.to_play < 0 ? "The end" : "Search of self-play", value, note: this.scoreNote(frame) || note, moves, onePlayer: this.onePlayer });
  }

  result() {
    return this.onePlayer ? null : this.game.returns[0];
  }

  scoreNote(frame) {
    return this.onePlayer && frame.value != null ? `Value ${number(frame.value)} (scores mapped to -1 to 1).` : "";
  }

  async askNet(frame, next) {
    const ply = this.ply, { game } = this;
    if (!this.asked.has(ply)) {
      this.lastMarks = [];
      this.thoughts.show({ game: game.game, title: "The net", value: null, note: "thinking …", moves: [] });
      const actions = game.frames.slice(0, ply + 1).flatMap((f) => f.actions);
      try {
        this.asked.set(ply, await fetchJson("api/evaluate", { initial: game.initial, actions, effort: "normal" }));
      } catch (error) {
        if (this.game === game && this.ply === ply) this.thoughts.show({ game: game.game, title: "The net", value: null, note: error.message, moves: [] });
        return;
      }
      if (this.game !== game || this.ply !== ply || !this.ask.checked) return;
    }
    const found = this.asked.get(ply);
    showEvaluation(this.thoughts, game.game, found, next?.action, this.onePlayer);
    this.lastMarks = marksOf(found.moves.map((m) => ({ ...m, share: shareOf(m, found) })));
    this.board.draw(game.game, game.columns, frame, { marks: this.lastMarks, last: frame.move });
  }

  toggle() {
    if (this.timer) { this.stop(); return; }
    if (this.ply >= this.game.frames.length - 1) this.go(0);
    this.playButton.textContent = "Stop";
    this.timer = setInterval(() => this.go(this.ply + 1), 700);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.playButton) this.playButton.textContent = "Run";
  }

  key(event) {
    if (this.element.hidden || /^(SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.go(this.ply + step);
  }
}

// How much a move is worth a look: its share of the policy, or how close its value is to the best.
function shareOf(move, found) {
  if (move.policy != null) return move.policy;
  return move.value == null ? 0 : Math.max(0, 1 - 4 * (found.moves[0].value - move.value));
}

function marksOf(moves) {
  return moves.filter((m) => m.share > 0).slice(0, 12).map((m, i) => ({ from: m.from, to: m.to, weight: m.share, text: i < 3 && m.policy != null ? percent(m.share).replace(" %", "") : "" }));
}

export function showEvaluation(thoughts, game, found, chosen, onePlayer) {
  const sign = found.to_play === 1 ? -1 : 1;
  const byValue = found.moves.every((m) => m.policy == null);
  const net = found.net_value == null ? "" : `Net alone ${number(sign * found.net_value)}, after search ${number(sign * found.value)}`;
  const shown = onePlayer ? `Value ${number(found.value)} (scores mapped to -1 to 1).` : net ? `${net}, for ${sideName(game, 0)} from -1 to 1.` : "";
  thoughts.show({
    game, onePlayer, title: `Version ${version(found.version)}`, value: sign * found.value,
    note: byValue ? "Moves by their value after search, for the mover from -1 to 1." : `${shown} Share after search (of the net alone).`,
    moves: found.moves.map((m) => ({ text: m.text, share: shareOf(m, found), chosen: m.action === chosen,
      detail: byValue ? number(m.value) : `${percent(m.policy, 1)} (${m.prior == null ? none : percent(m.prior, 1)})` })),
  });
}
