// The first view: what the run does now, how strong it is, who works, what went wrong.
import { Chart } from "./charts.js";
import * as f from "./format.js";

const COLOURS = ["--c0", "--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];
const STATE_CLASS = { active: "good", waiting: "good", syncing: "good", error: "bad", offline: "warn", stopped: "quiet" };
const LOSS_NAMES = { train: "training", val: "validation", val_before: "validation, version before", policy_entropy: "least policy loss" };

export class Overview {
  constructor() {
    const parent = f.field("charts");
    this.charts = {
      strength: new Chart(parent, "Strength"),
      scores: new Chart(parent, "Score against fixed opponents", "Wins and half the draws; bars are 95 % intervals."),
      losses: new Chart(parent, "Losses"),
      results: new Chart(parent, "Results of self-play", "Share of the games the first player won, drawn, the second won."),
      length: new Chart(parent, "Length of self-play games", "Mean plies."),
      selfplay: new Chart(parent, "Self-play scores"),
      window: new Chart(parent, "Window", "Positions that a loop trains on."),
      reuse: new Chart(parent, "Reuse", "How often each new position is trained on."),
      time: new Chart(parent, "Time of a loop", "Seconds; the rest of it is mostly waiting for games."),
    };
    this.allWorkers = false;
    f.field("workers-more").addEventListener("click", () => this.moreWorkers());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of Object.values(this.charts)) chart.redraw();
    });
  }

  update(section, value) {
    if (section === "head") this.head(value);
    else if (section === "curves") this.curves(value);
    else this.workers(value);
  }

  connected(isConnected) {
    this.lost = !isConnected;
    if (this.lastHead) this.state(this.lastHead);
    else f.put("state", isConnected ? "loading" : "no connection");
  }

  state(head) {
    const element = f.field("state");
    let text = head.phase, kind = "good";
    if (this.lost) { text = "connection lost, trying again"; kind = "bad"; }
    else if (!head.is_running) {
      const done = head.max_loops && head.loop >= head.max_loops;
      text = done ? "done" : head.phase === "trainer stopped" ? "ended" : head.phase;
      kind = done ? "good" : text === "ended" ? "" : "warn";
    } else if (head.is_stopping) { text = "ending"; kind = "warn"; }
    else if (head.phase === "waiting for the trainer") kind = "warn";
    element.textContent = text;
    element.title = head.phase;
    element.className = `state ${kind}`;
  }

  head(head) {
    this.lastHead = head;
    f.put("name", head.name);
    f.put("game", head.name === head.game ? "" : head.game);
    this.state(head);
    const of = head.max_loops ? ` of ${f.count(head.max_loops)}` : "";
    f.put("loop", head.is_running ? `Loop ${f.count(head.loop)}${of}` : `${f.count(head.loop)}${of} loops done`);
    const { new: fresh, wanted, unit } = head.collected;
    f.put("doing", head.phase === "collecting" ? `collecting: ${f.count(fresh)} of ${f.count(wanted)} new ${unit}` : head.is_running ? head.phase : head.end);
    f.put("eta", head.eta && head.is_running ? `about ${head.eta} to go` : "");
    const bar = f.field("progress");
    bar.hidden = !head.is_running;
    bar.classList.toggle("unknown", head.progress == null);
    bar.firstElementChild.style.width = head.progress == null ? "" : `${100 * head.progress}%`;
    if (head.progress != null) bar.setAttribute("aria-valuenow", Math.round(100 * head.progress));
    f.field("bottleneck").className = `limit ${head.bottleneck.kind}`;
    f.put("bottleneck-text", head.bottleneck.text);
    f.put("bottleneck-advice", head.bottleneck.advice);
    this.errors(head.errors);
    this.tiles(head);
    this.versions(head);
    this.log(head.log);
  }

  errors(errors) {
    const box = f.field("errors");
    box.hidden = !errors.length;
    const text = JSON.stringify(errors);
    if (text === this.errorText) return;
    this.errorText = text;
    const parts = errors.slice(-6).reverse().map((e) => [f.make("b", {}, e.who), f.make("pre", {}, e.text)]);
    const more = errors.length > 6 ? ` (the last 6 of ${errors.length})` : "";
    box.replaceChildren(f.make("h2", {}, `Last errors${more}`), ...parts.flat());
  }

  tiles(head) {
    const s = head.strength;
    const sure = s?.superiority == null ? "" : `, ${f.percent(s.superiority)} likely above the version before`;
    const loss = "val" in head.losses ? ["Validation loss", head.losses.val] : ["Loss", head.losses.train ?? head.losses.total_loss];
    const share = head.training_share;
    const tiles = [
      ["strength", s?.kind === "score" ? "Mean score" : "Strength, Elo", f.strength(s), s ? `${f.version(s.version)}${sure}` : "no version is rated yet"],
      ["games_per_second", "Self-play", `${f.number(head.games_per_second)} games/s`, `${f.count(head.positions_per_second)} positions/s`],
      ["workers", "Workers at work", `${f.count(head.num_live)} of ${f.count(head.num_expected)}`, this.workerRemark ?? "", this.workerWarning],
      ["model", "Newest version", f.version(head.model_version), `${f.count(head.num_versions)} published`],
      ["games", "Games learned from", f.short(this.totals?.games), `${f.short(this.totals?.positions)} positions`],
      ["loss", loss[0], f.number(loss[1]), ""],
      ["window", "Window", f.short(head.window), head.max_positions ? `newest, at most ${f.short(head.max_positions)}` : "newest positions"],
      ["reuse", "Reuse of a position", head.reuse == null ? f.none : `${f.number(head.reuse)} ×`, "trained on, last 5 loops"],
      ["training_share", "Trainer trains", f.percent(share), share == null ? "" : `waits ${f.percent(1 - share)} of the time`],
      ["pending", "Files that wait", f.count(head.pending.files), f.bytes(head.pending.bytes)],
    ];
    this.tileElements ??= {};
    for (const [key, title, value, remark, warning] of tiles) {
      let tile = this.tileElements[key];
      if (!tile) {
        tile = this.tileElements[key] = f.make("dl", { class: "tile", "data-tile": key, style: "margin:0" }, f.make("dt"), f.make("dd"), f.make("p"));
        f.field("tiles").append(tile);
      }
      [title, value, remark].forEach((text, i) => { if (tile.children[i].textContent !== text) tile.children[i].textContent = text; });
      tile.lastElementChild.className = warning ? "warn" : "";
    }
  }

  versions(head) {
    const text = JSON.stringify(head.versions);
    if (text === this.versionText) return;
    this.versionText = text;
    const rows = head.versions.map((v) => f.make("tr", { "data-version": v.version },
      f.make("td", {}, f.version(v.version)),
      f.make("td", { class: "n" }, v.loop == null ? f.none : f.count(v.loop)),
      f.make("td", { class: "n" }, f.strength(v.strength)),
      f.make("td", { class: "n" }, f.bytes(v.bytes)),
      f.make("td", { class: "n" }, v.workers ? `${v.workers} worker${v.workers > 1 ? "s" : ""}` : ""),
    ));
    f.field("versions").tBodies[0].replaceChildren(...rows);
    f.put("versions-summary", head.num_versions > head.versions.length ? `newest ${head.versions.length} of ${f.count(head.num_versions)}` : "");
    const newest = head.versions[0]?.architecture ?? "";
    f.put("architecture", newest.startsWith("{") ? "" : newest);
  }

  log(lines) {
    const text = JSON.stringify(lines);
    if (text === this.logText) return;
    this.logText = text;
    const list = f.field("log");
    const items = lines.map(([time, kind, line]) => f.make("li", { class: ["rejected", "note"].includes(kind) ? kind : null }, f.make("time", {}, f.clock(time)), line));
    list.replaceChildren(...(items.length ? items : [f.make("li", { class: "quiet" }, "Nothing yet.")]));
    list.scrollTop = list.scrollHeight;
  }

  async moreWorkers() {
    this.allWorkers = !this.allWorkers;
    this.workers(this.allWorkers ? await f.fetchJson("api/workers") : this.lastWorkers);
  }

  workers(table) {
    if (table.rows.length < table.total) this.lastWorkers = table;
    if (this.allWorkers && table.rows.length < table.total) return; // the whole list stands still
    this.lastWorkers ??= table;
    const parts = [];
    if (table.failing) parts.push(`${table.failing} failing`);
    if (table.silent) parts.push(`${table.silent} silent`);
    if (table.slow) parts.push(`${table.slow} slow`);
    if (table.stopped) parts.push(`${table.stopped} stopped`);
    this.workerRemark = parts.join(", ") || (table.live ? "none slow, none silent" : "");
    this.workerWarning = table.failing + table.silent + table.slow > 0;
    f.put("workers-summary", parts.join(", "));
    if (this.lastHead) this.tiles(this.lastHead);
    const most = table.most_games_per_second || 1;
    const rows = table.rows.map((w) => f.make("tr", { "data-worker": w.id },
      f.make("td", {},
        f.make("button", { type: "button", class: "link", title: "Its log", onclick: () => this.showLog(w.id) }, w.id),
        w.note ? f.make("span", { class: "note" }, w.note) : null),
      f.make("td", { class: STATE_CLASS[w.state] ?? "" }, w.state,
        w.silent ? f.make("span", { class: "tag warn" }, w.silent_seconds ? `silent ${w.silent_seconds} s` : "silent") : null,
        w.slow ? f.make("span", { class: "tag warn" }, "slow") : null,
        w.unconfirmed && !w.silent ? f.make("span", { class: "tag", title: "Its file says so; it has not changed since this page looks." }, "unconfirmed") : null),
      f.make("td", { class: "wide" }, w.host),
      f.make("td", { class: "n" }, f.version(w.version)),
      f.make("td", { class: "n wide" }, f.count(w.games)),
      f.make("td", { class: "n" }, f.make("span", { class: "rate", style: `--share:${(100 * w.games_per_second / most).toFixed(1)}%` }, f.number(w.games_per_second))),
    ));
    const empty = f.make("tr", {}, f.make("td", { colspan: 6, class: "quiet" }, "No worker has come yet."));
    f.field("workers").tBodies[0].replaceChildren(...(rows.length ? rows : [empty]));
    const more = f.field("workers-more");
    more.hidden = table.total <= table.rows.length && !this.allWorkers;
    more.textContent = this.allWorkers ? "Show only those that need a look" : `Show all ${f.count(table.total)}`;
  }

  async showLog(name) {
    const sheet = document.getElementById("sheet");
    sheet.querySelector("h2").textContent = `Log of ${name}`;
    const text = sheet.querySelector("pre");
    text.textContent = "…";
    sheet.showModal();
    try {
      const found = await f.fetchJson(`api/log/${encodeURIComponent(name)}`);
      text.textContent = found.lines.join("\n") || `${found.file} is empty or not there.`;
    } catch (error) {
      text.textContent = error.message;
    }
    text.scrollTop = text.scrollHeight;
  }

  curves(c) {
    this.totals = c.totals;
    if (this.lastHead) this.tiles(this.lastHead);
    const line = (label, values, i, more = {}) => ({ label, values, colour: COLOURS[i % COLOURS.length], ...more });
    const { rated } = c;
    const isScore = rated.strength.some((s) => s.kind === "score");
    const values = rated.strength.map((s) => s.value);
    this.charts.strength.element.querySelector("h2").textContent = isScore ? "Strength: mean score of a version" : "Strength: Elo of a version";
    this.charts.strength.update({
      x: rated.loops, format: f.count, none: "No version is rated yet.",
      lines: c.opponents.filter(([, value]) => value != null),
      series: [line(isScore ? "score" : "Elo", values, 0, {
        low: rated.strength.map((s) => (s.value == null ? null : s.value - (s.error ?? 0))),
        high: rated.strength.map((s) => (s.value == null ? null : s.value + (s.error ?? 0))),
      })],
    });
    const opponents = Object.entries(rated.scores);
    this.charts.scores.update({
      x: rated.loops, format: (v) => f.percent(v), zero: true, most: 1.02, absent: isScore || !opponents.length,
      series: opponents.map(([name, found], i) => line(`vs ${name}`, found.map((m) => m?.[0] ?? null), i, {
        low: found.map((m) => m?.[1] ?? null), high: found.map((m) => m?.[2] ?? null) })),
    });
    const losses = Object.entries(c.losses);
    this.charts.losses.update({
      x: c.loops, none: "No loop has trained yet.",
      series: losses.map(([name, found], i) => line(LOSS_NAMES[name] ?? name.replaceAll("_", " "), found, i, { dash: name === "val_before" ? [4, 4] : undefined, hidden: ["val_policy", "val_value"].includes(name) })),
    });
    this.charts.results.update({
      x: c.loops, format: (v) => f.percent(v), zero: true, absent: !c.results,
      series: c.results ? [line("first", c.results.first, 0), line("drawn", c.results.draw, 4), line("second", c.results.second, 1)] : [],
    });
    this.charts.selfplay.update({
      x: c.loops, format: f.short, zero: true, absent: !c.mean_score.some((v) => v != null),
      series: [line("mean", c.mean_score, 0), line("best", c.best_score, 2)],
    });
    this.charts.length.update({ x: c.loops, none: "No game yet.", series: [line("mean plies", c.mean_plies, 0)] });
    this.charts.window.update({
      x: c.loops, zero: true, format: f.short, absent: !c.window.some((v) => v != null), series: [line("positions", c.window, 2)],
    });
    this.charts.reuse.update({
      x: c.loops, zero: true, absent: !c.reuse.some((v) => v != null),
      series: [line("times each position is used", c.reuse, 3)],
    });
    this.charts.time.update({
      x: c.loops, zero: true,
      series: [line("whole loop", c.seconds, 0), line("of it training", c.training_seconds, 1)],
    });
  }
}
