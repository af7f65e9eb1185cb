// Boards as drawings (SVG) of our own: cells come as letters or numbers, row by row from the top left.

const SPACE = "http://www.w3.org/2000/svg";
const GLYPHS = { k: "\u265A", q: "\u265B", r: "\u265C", b: "\u265D", n: "\u265E", p: "\u265F" };
const TILES = { 0: "#8885", 2: "#eee4da", 4: "#ede0c8", 8: "#f2b179", 16: "#f59563", 32: "#f67c5f", 64: "#f65e3b", 128: "#edcf72", 256: "#edcc61", 512: "#edc850", 1024: "#edc53f", 2048: "#edc22e" };
const SIDES = {
  chess: ["White", "Black"], go: ["Black", "White"], othello: ["Black", "White"],
  connect_four: ["Red", "Yellow"], tic_tac_toe: ["X", "O"], ultimate_ttt: ["X", "O"],
};

export function sideName(game, player) {
  return SIDES[game]?.[player] ?? `Player ${player + 1}`;
}

export function resultText(game, returns) {
  if (!returns) return "";
  if (returns.length === 1) return `Score ${returns[0].toLocaleString("en-US")}`;
  if (returns[0] === returns[1]) return "Drawn";
  return `${sideName(game, returns[0] > returns[1] ? 0 : 1)} won`;
}

function shape(name, attributes, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const box = (x, y, w, h, fill, more = {}) => shape("rect", { x, y, width: w, height: h, fill, ...more });
const disc = (x, y, r, fill, more = {}) => shape("circle", { cx: x, cy: y, r, fill, ...more });
const line = (x1, y1, x2, y2, stroke, more = {}) => shape("line", { x1, y1, x2, y2, stroke, "stroke-width": 0.25, ...more });
const label = (x, y, text, size, more = {}) => shape("text", { x, y, "font-size": size, "text-anchor": "middle", "dominant-baseline": "central", ...more }, text);

const CELL = 10;

// Draws into an element: `new BoardView(element).draw(game, columns, frame, {marks, last, onMove, legal})`.
export class BoardView {
  constructor(parent) {
    this.svg = shape("svg", { class: "board", role: "img" });
    parent.append(this.svg);
  }

  draw(game, columns, frame, { marks = [], last = null, legal = [], onMove = null } = {}) {
    const rows = Math.max(1, Math.round(frame.board.length / columns));
    this.game = game; this.columns = columns; this.rows = rows;
    const edge = game === "twenty48" ? 1 : 5;
    this.svg.setAttribute("viewBox", `${-edge} ${-edge} ${columns * CELL + 2 * edge} ${rows * CELL + 2 * edge}`);
    this.svg.setAttribute("aria-label", `Board of ${game.replaceAll("_", " ")}`);
    const parts = [...this.ground(frame), ...this.coordinates()];
    const cells = [...frame.board];
    if (last?.to != null) parts.push(...this.lastMove(last));
    for (let i = 0; i < cells.length; i++) parts.push(...this.piece(cells[i], i));
    if (game === "ultimate_ttt") parts.push(...this.smallBoards(frame.remark));
    parts.push(...this.marks(marks));
    if (onMove) parts.push(...this.targets(legal, onMove));
    this.svg.replaceChildren(...parts);
  }

  at(cell) {
    return [(cell % this.columns) * CELL, Math.floor(cell / this.columns) * CELL];
  }

  centre(cell) {
    const [x, y] = this.at(cell);
    return [x + CELL / 2, y + CELL / 2];
  }

  ground(frame) {
    const w = this.columns * CELL, h = this.rows * CELL, parts = [];
    if (this.game === "chess") {
      for (let i = 0; i < 64; i++) {
        const [x, y] = this.at(i);
        parts.push(box(x, y, CELL, CELL, (i + Math.floor(i / 8)) % 2 ? "var(--square-dark)" : "var(--square-light)"));
      }
    } else if (this.game === "go") {
      parts.push(box(-1, -1, w + 2, h + 2, "var(--wood)", { rx: 1 }));
      for (let i = 0; i < this.columns; i++) {
        const at = i * CELL + CELL / 2, end = w - CELL / 2;
        parts.push(line(CELL / 2, at, end, at, "#5a4420"), line(at, CELL / 2, at, end, "#5a4420"));
      }
      const n = this.columns, near = n > 11 ? 3 : 2;
      const stars = n % 2 ? [near, (n - 1) / 2, n - 1 - near] : [near, n - 1 - near];
      if (n >= 7) for (const r of stars) for (const c of stars) if (n > 11 || (r === stars[1]) === (c === stars[1])) parts.push(disc(...this.centre(r * n + c), 0.8, "#5a4420"));
    } else if (this.game === "othello") {
      parts.push(box(0, 0, w, h, "var(--felt)"));
      for (let i = 0; i <= this.columns; i++) parts.push(line(i * CELL, 0, i * CELL, h, "#0005"), line(0, i * CELL, w, i * CELL, "#0005"));
    } else if (this.game === "connect_four") {
      parts.push(box(-1, -1, w + 2, h + 2, "var(--blue-board)", { rx: 2 }));
    } else if (this.game === "twenty48") {
      parts.push(box(-0.5, -0.5, w + 1, h + 1, "var(--line)", { rx: 1.5 }));
    } else {
      parts.push(box(0, 0, w, h, "var(--card)"));
      const active = this.game === "ultimate_ttt" ? frame.remark.split(" ")[1] : "";
      if (/[1-9]/.test(active)) {
        const b = Number(active) - 1;
        parts.push(box((b % 3) * 30, Math.floor(b / 3) * 30, 30, 30, "var(--mark)", { opacity: 0.16 }));
      }
      for (let i = 1; i < this.columns; i++) {
        const thick = this.game === "ultimate_ttt" && i % 3 === 0 ? 0.9 : this.game === "tic_tac_toe" ? 0.7 : 0.25;
        parts.push(line(i * CELL, 0, i * CELL, h, "var(--quiet)", { "stroke-width": thick }), line(0, i * CELL, w, i * CELL, "var(--quiet)", { "stroke-width": thick }));
      }
      parts.push(shape("rect", { x: 0, y: 0, width: w, height: h, fill: "none", stroke: "var(--quiet)", "stroke-width": 0.5 }));
    }
    return parts;
  }

  coordinates() {
    if (this.game === "twenty48") return [];
    const style = { fill: "var(--quiet)" }, parts = [];
    const letters = this.game === "go" ? "ABCDEFGHJKLMNOPQRST" : "abcdefghijklmnopqrs";
    const down = this.game === "chess" || this.game === "go";
    for (let c = 0; c < this.columns; c++) {
      const text = this.game === "connect_four" ? String(c + 1) : letters[c];
      parts.push(label(c * CELL + CELL / 2, this.rows * CELL + 3, text, 3.2, style));
    }
    if (this.game !== "connect_four") {
      for (let r = 0; r < this.rows; r++) parts.push(label(-3, r * CELL + CELL / 2, String(down ? this.rows - r : r + 1), 3.2, style));
    }
    return parts;
  }

  lastMove(move) {
    const parts = [];
    const around = { fill: "none", stroke: "var(--mark)", "stroke-width": 0.8 };
    for (const cell of [move.from, move.to]) {
      if (cell == null) continue;
      const [x, y] = this.at(cell);
      if (this.game === "chess") parts.push(box(x, y, CELL, CELL, "var(--mark)", { opacity: 0.45 }));
      else parts.push(shape("rect", { x: x + 0.5, y: y + 0.5, width: CELL - 1, height: CELL - 1, rx: 1, ...around }));
    }
    return parts;
  }

  piece(cell, i) {
    const [x, y] = this.centre(i), { game } = this;
    if (game === "twenty48") {
      const size = cell >= 10000 ? 2.4 : cell >= 1000 ? 3 : 4;
      const tile = box(x - 4.6, y - 4.6, 9.2, 9.2, TILES[cell] ?? "#3c3a32", { rx: 0.8 });
      return cell ? [tile, label(x, y, String(cell), size, { "font-weight": 700, fill: cell <= 4 ? "#776e65" : "#fff" })] : [tile];
    }
    if (game === "connect_four") {
      const fill = { X: "#d9382e", O: "#f2c230" }[cell] ?? "var(--page)";
      return [disc(x, y, 4.1, fill, { stroke: "#0003", "stroke-width": 0.4 })];
    }
    if (cell === ".") return [];
    if (game === "chess") {
      const white = cell === cell.toUpperCase();
      const glyph = GLYPHS[cell.toLowerCase()];
      // The selector asks for text, not for a coloured picture.
      return glyph ? [label(x, y + 0.4, `${glyph}\uFE0E`, 8.6, { class: "glyph", fill: white ? "#fffdf7" : "#20201f", stroke: white ? "#20201f" : "#d8d3c8", "stroke-width": white ? 0.28 : 0.16 })] : [];
    }
    if (game === "go" || game === "othello") {
      const black = cell === "X";
      return [disc(x, y, game === "go" ? 4.7 : 4, black ? "#1c1c1c" : "#f7f5ef", { stroke: black ? "#000" : "#8b8678", "stroke-width": 0.25 })];
    }
    const stroke = { "stroke-width": 1.3, "stroke-linecap": "round", fill: "none" };
    if (cell === "X") return [shape("path", { d: `M${x - 2.6} ${y - 2.6}l5.2 5.2m0 -5.2l-5.2 5.2`, stroke: "var(--c0)", ...stroke })];
    return [disc(x, y, 2.8, "none", { ...stroke, stroke: "var(--c1)" })];
  }

  smallBoards(remark) {
    const parts = [];
    [...remark.split(" ")[0]].forEach((owner, b) => {
      if (owner === ".") return;
      const x = (b % 3) * 30 + 15, y = Math.floor(b / 3) * 30 + 15;
      parts.push(box(x - 15, y - 15, 30, 30, "var(--card)", { opacity: 0.72 }));
      const stroke = { "stroke-width": 3, "stroke-linecap": "round", fill: "none", opacity: 0.9 };
      if (owner === "X") parts.push(shape("path", { d: `M${x - 9} ${y - 9}l18 18m0 -18l-18 18`, stroke: "var(--c0)", ...stroke }));
      else if (owner === "O") parts.push(disc(x, y, 9.5, "none", { ...stroke, stroke: "var(--c1)" }));
    });
    return parts;
  }

  // What is thought of the moves: {from, to, weight in [0, 1], text}.
  marks(marks) {
    const parts = [];
    for (const { from, to, weight, text } of marks.slice(0, from_limit(this.game)).reverse()) {
      if (to == null || weight < 0.005) continue;
      const [x, y] = this.centre(to);
      if (from != null) {
        const [a, b] = this.centre(from);
        const length = Math.hypot(x - a, y - b) || 1;
        const ux = (x - a) / length, uy = (y - b) / length, w = 0.6 + 2 * weight;
        const tip = [x - ux * 1.5, y - uy * 1.5], neck = [x - ux * (2.5 + w), y - uy * (2.5 + w)];
        parts.push(line(a + ux * 3, b + uy * 3, ...neck, "var(--mark)", { "stroke-width": w, opacity: 0.35 + 0.5 * weight }));
        parts.push(shape("path", { d: `M${tip} L${neck[0] - uy * w} ${neck[1] + ux * w} L${neck[0] + uy * w} ${neck[1] - ux * w}Z`, fill: "var(--mark)", opacity: 0.35 + 0.5 * weight }));
      } else {
        parts.push(disc(x, y, 1.4 + 2.8 * Math.sqrt(weight), "var(--mark)", { opacity: 0.8 }));
      }
      if (text && from == null) parts.push(label(x, y, text, 2.9, { fill: "#fff", "font-weight": 700, stroke: "#0009", "stroke-width": 0.5, "paint-order": "stroke" }));
    }
    return parts;
  }

  // Cells that can be chosen. Moves with an origin take two choices: the piece, then where to.
  targets(legal, onMove) {
    const parts = [];
    const add = (cell, moves, kind, title) => {
      const [x, y] = this.at(cell);
      const area = box(x, y, CELL, CELL, "transparent", { class: `target ${kind}`, "data-cell": cell, tabindex: 0, role: "button", "aria-label": title });
      const choose = () => onMove(cell, moves);
      area.addEventListener("click", choose);
      area.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); } });
      if (kind !== "source") parts.push(disc(...this.centre(cell), 1.3, "var(--mark)", { opacity: 0.55, class: "hint" }));
      parts.push(area);
    };
    if (this.game === "connect_four") {
      for (const move of legal) for (let r = 0; r < this.rows; r++) {
        const cell = r * this.columns + (move.to % this.columns);
        if (cell === move.to) add(cell, [move], "cell", move.text);
        else { const [x, y] = this.at(cell); const area = box(x, y, CELL, CELL, "transparent", { class: "target" }); area.addEventListener("click", () => onMove(move.to, [move])); parts.push(area); }
      }
      return parts;
    }
    const chosen = this.chosen;
    const bySource = new Map();
    for (const move of legal) {
      if (move.to == null) continue;
      const key = move.from ?? move.to;
      bySource.set(key, [...(bySource.get(key) ?? []), move]);
    }
    for (const [cell, moves] of bySource) {
      if (moves[0].from == null) add(cell, moves, "cell", moves[0].text);
      else add(cell, moves, "source", `piece at ${cell}`);
    }
    if (chosen != null && bySource.has(chosen)) {
      const [x, y] = this.at(chosen);
      parts.unshift(box(x, y, CELL, CELL, "var(--mark)", { opacity: 0.4 }));
      const goals = new Map();
      for (const move of bySource.get(chosen)) goals.set(move.to, [...(goals.get(move.to) ?? []), move]);
      for (const [cell, moves] of goals) add(cell, moves, "goal", moves[0].text);
    }
    return parts;
  }
}

function from_limit(game) {
  return game === "chess" ? 5 : 12;
}
