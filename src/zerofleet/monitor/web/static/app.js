// The page of a run: asks for its state once, then listens for what changes.
import { Overview } from "./overview.js";
import { fetchJson, field } from "./format.js";

const overview = new Overview();
const views = ["overview", "games", "play"];
const loaded = {};
let state = { change: 0 };

function take(section, value) {
  state[section] = value;
  overview.update(section, value);
  if (section === "head") {
    document.title = `${value.name} – Zerofleet`;
    document.querySelector('[data-view="play"]').hidden = !value.allow_play;
  }
}

async function show() {
  let name = location.hash.slice(1).split("/")[0];
  if (!views.includes(name) || (name === "play" && !state.head?.allow_play)) name = "overview";
  for (const view of views) {
    document.getElementById(view).hidden = view !== name;
    const link = document.querySelector(`[data-view="${view}"]`);
    if (view === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  if (name === "overview") return;
  // What few people open comes when it is opened.
  if (!loaded[name]) {
    const element = document.getElementById(name);
    const module = await import(name === "games" ? "./games.js" : "./play.js");
    loaded[name] ??= new module.View(element, () => state.head);
  }
  loaded[name].show();
}

function wait(seconds) {
  return new Promise((done) => setTimeout(done, 1000 * seconds));
}

// Resolves when the connection is lost. The first message may repeat what is known: no harm.
function listen() {
  return new Promise((lost) => {
    const source = new EventSource(`api/events?since=${state.change}`);
    for (const section of ["head", "workers", "curves"]) {
      source.addEventListener(section, (event) => take(section, JSON.parse(event.data)));
    }
    source.addEventListener("open", () => overview.connected(true));
    source.addEventListener("error", () => { source.close(); lost(); });
  });
}

async function follow() {
  let first = true;
  for (;;) {
    try {
      const found = await fetchJson("api/run");
      state.change = found.change;
      for (const section of ["head", "workers", "curves"]) if (found[section]) take(section, found[section]);
      if (first) { first = false; await show(); }
      await listen();
    } catch (error) {
      if (first) field("state").title = error.message;
    }
    overview.connected(false);
    await wait(1);
  }
}

window.addEventListener("hashchange", show);
window.zerofleet = { get state() { return state; }, charts: overview.charts };
follow();
