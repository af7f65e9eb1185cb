// How numbers and times are written. Everything that comes from a run is put on the page as text,
// never as markup: a run may hold anything.

// Halves go to the even neighbour, as in Python's tables: 992.5 is 992 wherever it is shown.
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0, roundingMode: "halfEven" });

function fixed(value, digits) {
  const text = value.toFixed(digits);
  const exact = value.toFixed(digits + 40);
  const down = exact.slice(0, -40).replace(/\.$/, "");
  return /^50*$/.test(exact.slice(-40)) && /[02468]$/.test(down) ? down : text;
}

export const none = "–";

export function count(value) {
  return value == null ? none : whole.format(value);
}

export function short(value) {
  if (value == null) return none;
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return whole.format(value);
}

export function number(value) {
  if (value == null || Number.isNaN(value)) return none;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1000) return whole.format(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 1) return value.toFixed(2);
  return value.toPrecision(3);
}

export function axisNumber(value) {
  return Math.abs(value) >= 1e4 ? short(value) : String(Number(value.toPrecision(4)));
}

export function percent(value, digits = 0) {
  return value == null ? none : `${fixed(100 * value, digits)} %`;
}

export function bytes(value) {
  if (!value) return "0 B";
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(4, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

export function version(value) {
  return value ? `v${String(value).padStart(4, "0")}` : none;
}

export function strength(found) {
  if (!found || found.value == null) return none;
  return `${whole.format(found.value)} ± ${whole.format(found.error ?? 0)}`;
}

export function clock(seconds) {
  return seconds ? new Date(1000 * seconds).toLocaleTimeString("en-GB") : "";
}

// make("td", {class: "n"}, "text", otherElement)
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

export function field(name) {
  return document.querySelector(`[data-field="${name}"]`);
}

export function put(name, text) {
  const element = field(name);
  if (element.textContent !== text) element.textContent = text;
}

export async function fetchJson(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const text = await answer.text();
  let found = null;
  try { found = JSON.parse(text); } catch { /* an error in plain text */ }
  if (!answer.ok || found === null) throw new Error(found?.error ?? text.trim() ?? answer.statusText);
  return found;
}
