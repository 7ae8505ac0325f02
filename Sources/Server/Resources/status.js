// The status page: asks for status.json every two seconds and keeps the page like the answer.
//
// What the answer says becomes text nodes and nothing else, because others choose the names in it. Elements are kept by
// key, so that focus, selection and opened rows stay where they are. Members of the answer may be missing.

const PERIOD = 2_000; // Milliseconds between two questions,
const LONGEST_PERIOD = 30_000; // and after many without an answer.
const PATIENCE = 10_000; // How long an answer may take.
const MEMORY = 5 * 60_000; // How far back the curves go.
const SHORTEST_CURVE = 60_000;
const ROUTES_PER_PAGE = 50;
const FIRST_ENDPOINTS = 12; // How many are shown unless all are wanted.
const MATRIX_SIZE = 20; // Most rows and most columns of the matrix.
const LONGEST_LIST = 10; // Most pairs beside it.
const HEAT_LEVELS = 5;
// Reasons that refuse nothing: the gateway answered by itself.
const ANSWERED_HERE = new Set(["metadata", "preflight", "options", "health", "admin"]);

// MARK: What may be missing

const list = (value) => (Array.isArray(value) ? value : []);
const number = (value) => (Number.isFinite(value) ? value : 0);
const text = (value) => (typeof value === "string" ? value : "");
const sum = (values) => values.reduce((total, value) => total + number(value), 0);
const total = (route, ...outcomes) => sum(outcomes.map((outcome) => route.requests?.[outcome]));
const all = (route) => total(route, "allow", "local", "refuse", "fail");

// MARK: How numbers and times are written

/** 1234567 as "1 234 567", with thin spaces that do not break. */
const count = (value) => String(Math.round(number(value))).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** A figure of events a second: small ones have a decimal. */
const rate = (value) => (value === null ? "–" : value < 10 ? value.toFixed(1) : count(value));

/** "1 endpoint", "2 endpoints". */
const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Microseconds with the unit that fits; nothing was measured if there are none. */
function latency(microseconds) {
  const value = number(microseconds);
  if (value <= 0) return "–";
  if (value < 1_000) return `${count(value)} µs`;
  if (value < 1_000_000) return `${(value / 1_000).toFixed(value < 10_000 ? 1 : 0)} ms`;
  return `${(value / 1_000_000).toFixed(1)} s`;
}

const quantiles = (latencies) => `p50 ${latency(latencies?.p50)}, p99 ${latency(latencies?.p99)}`;

/** Seconds as the two largest units: "3 d 4 h". */
function duration(seconds) {
  const units = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  let rest = Math.max(0, Math.round(number(seconds)));
  const first = units.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 s";
  return units.slice(first, first + 2).map(([unit, size]) => {
    const amount = Math.floor(rest / size);
    rest %= size;
    return amount > 0 ? `${amount} ${unit}` : "";
  }).filter(Boolean).join(" ");
}

/** How long ago a time was by the gateway's clock, which need not be the browser's. */
function ago(time, now) {
  const seconds = (Date.parse(now) - Date.parse(time)) / 1_000;
  return Number.isNaN(seconds) ? "" : seconds < 1 ? "just now" : `${duration(seconds)} ago`;
}

const clock = (date) => (Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString("en-GB"));

// MARK: Elements

const byID = (id) => document.getElementById(id);

/** Characters that turn the direction of what follows, and could make one name look like another. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Changes a text only if it is another one: selections stay, and nothing is read out twice. */
function write(element, value) {
  const visible = value.replace(TURNS, "\ufffd");
  if (element.textContent !== visible) element.textContent = visible;
}

function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function reveal(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

function allow(button, isPossible) {
  if (button.disabled === isPossible) button.disabled = !isPossible;
}

/** Writes texts into the parts that name them as `data-text`. */
function fill(element, texts) {
  for (const [name, value] of Object.entries(texts)) {
    for (const part of element.querySelectorAll(`[data-text="${name}"]`)) write(part, value);
  }
}

const copy = (template) => byID(template).content.firstElementChild.cloneNode(true);
const make = (tag) => () => document.createElement(tag);

const kept = new WeakMap();

/** Gives `parent` one child for each item, in their order, made once for each key. Other children stay first. */
function keep(parent, items, key, create, update) {
  const old = kept.get(parent) ?? new Map();
  const focused = document.activeElement;
  const children = new Map();
  for (const item of items) {
    const name = key(item);
    if (children.has(name)) continue;
    const child = old.get(name) ?? create(item);
    old.delete(name);
    children.set(name, child);
    update(child, item);
  }
  for (const child of old.values()) child.remove();
  let next = null;
  for (const child of [...children.values()].reverse()) {
    if (child.parentNode !== parent || child.nextElementSibling !== next) parent.insertBefore(child, next);
    next = child;
  }
  // An element that is moved loses the focus.
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  kept.set(parent, children);
}

/** Keeps a list of plain texts. */
const keepTexts = (parent, texts, tag = "li") => keep(parent, texts, (each) => each, make(tag), write);

// Each word that the gateway has for a state, with the shape for it.
const SHAPES = {
  up: "good", down: "bad", ejected: "warning", unknown: "unknown",
  ok: "good", stale: "warning", pending: "unknown",
  loaded: "good", refused: "warning", turning: "good", stuck: "bad",
};

function showShape(element, shape) {
  mark(element, "data-state", shape);
  mark(element.querySelector("use"), "href", `#shape-${shape}`);
}

/** A word for a state with its shape, and what is to be said of it. */
function showState(parent, state, word = state) {
  const element = parent.querySelector(".state") ?? parent.appendChild(copy("state-mark"));
  showShape(element, SHAPES[state] ?? "unknown");
  fill(element, { word });
}

/** Keeps a table whose cells are texts, or states as `{state, word}`. Labels and alignment are those of the header. */
function keepTable(section, items, key, cells) {
  const headers = [...section.querySelectorAll("thead th")];
  reveal(section.querySelector(".empty"), items.length === 0);
  reveal(section.querySelector("table"), items.length > 0);
  keep(section.querySelector("tbody"), items, key, () => {
    const row = document.createElement("tr");
    for (const [column, header] of headers.entries()) {
      const cell = row.appendChild(document.createElement(column === 0 ? "th" : "td"));
      cell.className = header.className || (column === 0 ? "name" : "");
      if (column === 0) cell.scope = "row";
      else cell.dataset.label = header.textContent;
    }
    return row;
  }, (row, item) => {
    for (const [column, value] of cells(item).entries()) {
      if (typeof value === "string") write(row.cells[column], value);
      else showState(row.cells[column], value.state, value.word);
    }
  });
}

// MARK: How the gateway is

const isOut = (endpoint) => endpoint.state === "down" || endpoint.state === "ejected";

/** What is wrong, each with the section that says more. */
function troublesOf(status) {
  const troubles = [];
  const add = (section, sentence) => troubles.push({ section, sentence });
  const stuck = list(status.workers).filter((each) => each.alive === false);
  if (stuck.length) add("workers", `${counted(stuck.length, "worker")} of ${list(status.workers).length} stuck`);
  for (const state of ["down", "ejected"]) {
    const endpoints = list(status.endpoints).filter((each) => each.state === state);
    if (endpoints.length) add("endpoints", `${counted(endpoints.length, "endpoint")} ${state}`);
  }
  for (const issuer of list(status.issuers)) {
    if (issuer.state === "down") add("issuers", `no keys of issuer ${text(issuer.name)}`);
    if (issuer.state === "stale") add("issuers", `old keys of issuer ${text(issuer.name)}`);
  }
  const reload = status.configuration?.last_reload;
  if (reload?.outcome === "refused") {
    add("configuration", "the last reload was refused, the old configuration is active");
  }
  const limit = number(status.limits?.connections);
  if (limit && connectionsOf(status) >= 0.9 * limit) add("workers", "connections are near their limit");
  if (droppedSince(status)) add("workers", "log lines are being dropped");
  return troubles;
}

const connectionsOf = (status) => sum(list(status.workers).map((each) => each.connections));

const firstDropped = {};

/** Whether log lines were dropped since the page was opened. */
function droppedSince(status) {
  return Object.entries(status.logs ?? {}).some(([name, value]) => {
    const known = (firstDropped[name] ??= number(value));
    return number(value) > known;
  });
}

function showVerdict(shape, word, sentence, troubles = []) {
  const state = byID("state");
  showShape(state, shape);
  write(state.querySelector(".sentence"), sentence);
  keep(state.querySelector(".troubles"), troubles, (each) => each.sentence, ({ section, sentence }) => {
    const item = document.createElement("li");
    const link = item.appendChild(document.createElement("a"));
    link.href = `#${section}`;
    write(link, sentence);
    return item;
  }, () => {});
  const title = `${word} – audgate`;
  if (document.title !== title) document.title = title;
}

function showProcess(status) {
  const troubles = troublesOf(status);
  if (status.draining) showVerdict("warning", "Draining", "Draining: no new connections are taken.", troubles);
  else if (!status.ready) showVerdict("bad", "Not ready", "Not ready to take traffic.", troubles);
  else if (troubles.length) showVerdict("warning", "Trouble", "Ready, but not all is well.", troubles);
  else showVerdict("good", "Ready", "Ready. All is well.");
  const up = (Date.parse(status.time) - Date.parse(status.started)) / 1_000;
  const facts = [`version ${text(status.version) || "unknown"}`, `process ${number(status.pid)}`];
  if (!Number.isNaN(up)) facts.push(`up ${duration(up)}`);
  write(byID("process"), facts.join(" · "));
}

// MARK: Traffic

const history = []; // What each answer added: {at, requests, refusals}, a figure a second or null.
let reading = null; // The counters of the last answer, to tell what the next one adds.

/** Counters that only grow, by what they count for. Those of all routes are in `totals`, where there are such. */
function readingOf(status) {
  const routes = list(status.routes);
  const totals = status.totals;
  return {
    at: performance.now(),
    process: `${status.pid} ${status.started}`,
    requests: totals ? new Map([["", all(totals)]])
      : new Map(list(status.workers).map((each) => [each.index, number(each.requests)])),
    refusals: totals ? new Map([["", total(totals, "refuse")]])
      : new Map(routes.map((each) => [each.resource, total(each, "refuse")])),
    routes: new Map(routes.map((each) => [each.resource, all(each)])),
  };
}

/** What counters grew by; one that is new, or began anew, adds nothing. */
const growth = (before, after) =>
  sum([...after].map(([key, value]) => (before.has(key) ? Math.max(0, value - before.get(key)) : 0)));

/** Reads the counters, and gives how fast those of routes grow. */
function measure(status) {
  const before = reading;
  reading = readingOf(status);
  while (history.length && history[0].at < reading.at - MEMORY) history.shift();
  if (before?.process !== reading.process) {
    history.push({ at: reading.at, requests: null, refusals: null });
    return () => null;
  }
  const seconds = (reading.at - before.at) / 1_000;
  const speed = (name) => growth(before[name], reading[name]) / seconds;
  history.push({ at: reading.at, requests: speed("requests"), refusals: speed("refusals") });
  const { routes } = reading;
  return (resource) => (before.routes.has(resource)
    ? growth(before.routes, [[resource, routes.get(resource)]]) / seconds : null);
}

/** Draws a figure of the last minutes; where nothing was asked for, the line has a gap. */
function drawCurve(tile, name) {
  const peak = Math.max(...history.map((each) => each[name] ?? 0), 0);
  const width = Math.max(reading.at - history[0].at, SHORTEST_CURVE);
  let path = "";
  let last = null;
  for (const { at, [name]: value } of history) {
    if (value === null) { last = null; continue; }
    const x = 100 - ((reading.at - at) / width) * 100;
    const y = 30 - (peak ? value / peak : 0) * 28;
    path += `${last !== null && at - last < 2 * LONGEST_PERIOD ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    last = at;
  }
  mark(tile.querySelector("path"), "d", path);
  return peak;
}

function showTile(id, figure, note) {
  write(byID(id).querySelector(".figure"), figure);
  write(byID(id).querySelector(".note"), note);
}

function showTraffic(status) {
  const routes = list(status.routes);
  const isPart = !status.totals && routes.length < number(status.route_total);
  const ofShown = isPart ? ", of the routes below" : "";
  const now = history[history.length - 1];
  const span = duration((now.at - history[0].at) / 1_000);
  for (const [name, note] of [["requests", ""], ["refusals", ofShown]]) {
    const peak = drawCurve(byID(name), name);
    if (now[name] === null) showTile(name, "–", "counting …");
    else showTile(name, `${rate(now[name])} /s`, `peak ${rate(peak)} /s in ${span}${note}`);
  }
  const replays = list(status.replays);
  const latest = replays.map((each) => text(each.last)).sort().pop();
  const tokens = sum(replays.map((each) => each.count)) + number(status.other_replays);
  showTile("replay-count", count(tokens), tokens ? `last ${ago(latest, status.time)}` : "since the start");
  const slowest = routes.reduce((slow, each) =>
    (number(each.latency_us?.p99) > number(slow?.latency_us?.p99) ? each : slow), null);
  const whole = status.totals?.latency_us;
  showTile("latency", latency((whole ?? slowest?.latency_us)?.p99),
    whole ? `p50 ${latency(whole.p50)}` : slowest ? `slowest: ${text(slowest.resource).replace("https://", "")}` : "");
  const workers = list(status.workers);
  showTile("streams", count(sum(workers.map((each) => each.streams))), `in ${counted(workers.length, "worker")}`);
  const limit = number(status.limits?.connections);
  showTile("connections", count(connectionsOf(status)), limit ? `of ${count(limit)}` : "");
}

// MARK: The replay matrix

/** What all resources have in common at their beginning: scheme and host, the scheme, or nothing. */
function commonStart(resources) {
  const [host, scheme] = /^([a-z]+:\/\/)[^/]*/.exec(resources[0]) ?? ["", ""];
  if (resources.every((each) => each.startsWith(`${host}/`))) return host;
  return resources.every((each) => each.startsWith(scheme)) ? scheme : "";
}

/** The resources with the largest sums, in the order of their names: they stay where they are while numbers change. */
function axis(replays, member) {
  const sums = new Map();
  for (const each of replays) sums.set(each[member], (sums.get(each[member]) ?? 0) + each.count);
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, MATRIX_SIZE).map(([name]) => name).sort();
}

function showReplays(status) {
  const replays = list(status.replays)
    .map(({ issued_for: from, presented_at: to, count: tokens, last }) =>
      ({ from: text(from) || "?", to: text(to) || "?", count: number(tokens), last }))
    .filter((each) => each.count > 0)
    .sort((a, b) => b.count - a.count);
  const section = byID("replays");
  reveal(section.querySelector(".empty"), replays.length === 0);
  reveal(section.querySelector(".replays"), replays.length > 0);
  const rows = axis(replays, "from");
  const columns = axis(replays, "to");
  const start = commonStart([...new Set([...rows, ...columns])]);
  const short = (resource) => (resource.startsWith(start) ? resource.slice(start.length) : resource) || resource;
  write(byID("matrix-prefix"), start.includes("://") && !start.endsWith("/") ? `All begin with ${start}.` : "");
  showMatrix(replays, rows, columns, short);
  const pairs = replays.slice(0, LONGEST_LIST);
  keep(byID("pairs"), pairs, (each) => `${each.from} ${each.to}`, () => copy("pair-item"), (item, each) => fill(item, {
    from: short(each.from), to: short(each.to), count: count(each.count), last: ago(each.last, status.time),
  }));
  const hidden = replays.filter((each) => !rows.includes(each.from) || !columns.includes(each.to));
  // The gateway itself counts pairs up to a bound only.
  const tokens = (pairs) => sum(pairs.map((each) => each.count)) + number(status.other_replays);
  const inMatrix = tokens(hidden);
  const inList = tokens(replays.slice(LONGEST_LIST));
  write(byID("matrix-rest"), inMatrix ? `${counted(inMatrix, "more token")} of pairs that are not in the matrix.` : "");
  write(byID("pairs-rest"), inList ? `${counted(inList, "more token")} of other pairs.` : "");
}

function showMatrix(replays, rows, columns, short) {
  const counts = new Map(replays.map((each) => [`${each.from} ${each.to}`, each.count]));
  const most = Math.max(...replays.map((each) => each.count), 1);
  const heading = (scope) => Object.assign(document.createElement("th"), { scope });
  const label = (cell, resource) => {
    write(cell.firstElementChild ?? cell.appendChild(document.createElement("span")), short(resource));
    mark(cell, "title", resource);
  };
  // Cells grow with the page, but not beyond what a number needs.
  byID("matrix").style.setProperty("max-inline-size", `${16 + 6 * columns.length}rem`);
  const itself = (each) => each;
  // The first column, without a name of its own, is that of the row headings.
  const places = ["", ...columns];
  const columnHeading = (to) => (to ? heading("col") : document.createElement("td"));
  const cellOf = (to) => (to ? document.createElement("td") : heading("row"));
  keep(byID("matrix-columns"), places, itself, columnHeading, (cell, to) => { if (to) label(cell, to); });
  keep(byID("matrix-rows"), rows, itself, make("tr"), (row, from) => {
    keep(row, places, itself, cellOf, (cell, to) => {
      if (!to) return label(cell, from);
      const value = counts.get(`${from} ${to}`) ?? 0;
      // By orders of magnitude: one token among thousands is still seen.
      const level = Math.ceil((HEAT_LEVELS * Math.log1p(value)) / Math.log1p(most));
      mark(cell, "data-level", from === to ? "own" : String(level));
      write(cell, value ? count(value) : "");
      mark(cell, "title", value ? `${counted(value, "token")} for ${from}, presented at ${to}` : "");
    });
  });
}

// MARK: Routes

const view = { offset: 0, filter: "", sort: "traffic" };
const opened = new Set();

function createRoute(route) {
  const body = copy("route-rows");
  const button = body.querySelector(".opener");
  const detail = body.querySelector(".detail");
  const show = () => {
    const isOpen = opened.has(route.resource);
    mark(button, "aria-expanded", String(isOpen));
    reveal(detail, isOpen);
  };
  button.addEventListener("click", () => {
    if (!opened.delete(route.resource)) opened.add(route.resource);
    show();
  });
  show();
  return body;
}

function updateRoute(body, route, speed, stateOf) {
  const reasons = Object.entries(route.reasons ?? {}).map(([code, value]) => ({ code, value: number(value) }))
    .sort((a, b) => b.value - a.value);
  const endpoints = list(route.endpoints).map(text);
  fill(body, {
    resource: text(route.resource),
    issuers: list(route.issuers).join(", "),
    rate: rate(speed(route.resource)),
    requests: count(all(route)),
    refused: count(total(route, "refuse")),
    reason: reasons.find(({ code }) => !ANSWERED_HERE.has(code))?.code ?? "",
    failed: count(total(route, "fail")),
    streams: count(route.streams),
    p50: latency(route.latency_us?.p50),
    p99: latency(route.latency_us?.p99),
    "no-reason": reasons.length ? "" : "None.",
    scopes: list(route.scopes).join(" ") || "none",
    allowed: count(total(route, "allow")),
    local: count(total(route, "local")),
    latency: quantiles(route.latency_us),
    "upstream-latency": quantiles(route.upstream_latency_us),
  });
  keepTexts(body.querySelector(".audiences"), list(route.audiences).map(text));
  keep(body.querySelector(".endpoints"), endpoints, (each) => each, make("li"), (item, name) => {
    const state = stateOf.get(name) ?? "unknown";
    showState(item, state, `${name} ${state}`);
  });
  keep(body.querySelector(".reasons"), reasons, (each) => each.code, () => copy("reason-item"), (item, each) => {
    fill(item, { code: each.code, count: count(each.value) });
    const share = each.value / Math.max(reasons[0].value, 1);
    item.querySelector(".share").style.setProperty("inline-size", `${100 * share}%`);
  });
}

function showRoutes(status, speed) {
  const routes = list(status.routes).filter((each) => text(each?.resource));
  // There are fewer than there were when this page of them was asked for.
  if (!routes.length && view.offset) return look({});
  const routeTotal = Math.max(number(status.route_total), view.offset + routes.length);
  const stateOf = new Map(list(status.endpoints).map((each) => [each.name, text(each.state)]));
  const section = byID("routes");
  const empty = section.querySelector(".empty");
  reveal(empty, routes.length === 0);
  write(empty, view.filter ? `No route has “${view.filter}” in its resource.` : "There are no routes.");
  keep(section.querySelector("table"), routes, (each) => each.resource, createRoute, (body, route) =>
    updateRoute(body, route, speed, stateOf));
  const last = view.offset + routes.length;
  write(byID("page"), `${count(Math.min(view.offset + 1, last))}–${count(last)} of ${counted(routeTotal, "route")}`);
  allow(byID("previous"), view.offset > 0);
  allow(byID("next"), last < routeTotal);
}

/** Asks for other routes, from the first of them on unless it is said otherwise. */
function look(change) {
  Object.assign(view, { offset: 0 }, change);
  byID("sort").value = view.sort;
  for (const header of document.querySelectorAll("[data-order]")) {
    const direction = header.dataset.order === "name" ? "ascending" : "descending";
    mark(header, "aria-sort", header.dataset.order === view.sort ? direction : "none");
  }
  poll();
}

// MARK: What stands behind the routes

let showsAllEndpoints = false;

function showEndpoints(status) {
  const endpoints = list(status.endpoints);
  const order = (each) => (isOut(each) ? 0 : 1);
  const sorted = [...endpoints].sort((a, b) => order(a) - order(b));
  const shown = showsAllEndpoints ? sorted : sorted.slice(0, FIRST_ENDPOINTS);
  const more = byID("more-endpoints");
  reveal(more, sorted.length > FIRST_ENDPOINTS);
  write(more, `Show all ${count(sorted.length)}`);
  mark(more, "aria-pressed", String(showsAllEndpoints));
  keepTable(byID("endpoints"), shown, (each) => each.name, (each) => [
    text(each.name), { state: each.state, word: wordOf(each, status) },
    count(each.active), count(each.idle), count(each.requests), count(each.failures),
  ]);
  showRest("endpoints", number(status.endpoint_total) - endpoints.length, "endpoint");
}

/** "down for 3 min: upstream_connect_failed" */
function wordOf(endpoint, status) {
  const since = endpoint.since ? (Date.parse(status.time) - Date.parse(endpoint.since)) / 1_000 : NaN;
  const word = text(endpoint.state) || "unknown";
  if (!isOut(endpoint)) return word;
  const reason = text(endpoint.reason);
  return `${word}${Number.isNaN(since) ? "" : ` for ${duration(since)}`}${reason ? `: ${reason}` : ""}`;
}

function showIssuers(status) {
  const issuers = list(status.issuers);
  keepTable(byID("issuers"), issuers, (each) => each.name, (each) => [
    each.name === each.issuer ? text(each.name) : `${text(each.name)} ${text(each.issuer)}`,
    { state: each.state, word: `${text(each.state) || "unknown"}${each.problem ? `: ${text(each.problem)}` : ""}` },
    count(each.keys), number(each.keys) ? duration(each.age_seconds) : "–",
  ]);
  showRest("issuers", number(status.issuer_total) - issuers.length, "issuer");
}

const showRest = (section, rest, noun) =>
  write(byID(section).querySelector(".rest"), rest > 0 ? `${counted(rest, `more ${noun}`)} not shown.` : "");

function showConfiguration(status) {
  const { hash, loaded, last_reload: reload } = status.configuration ?? {};
  const moment = (time) => `${text(time)} (${ago(time, status.time)})`;
  write(byID("hash"), text(hash) || "unknown");
  write(byID("loaded"), loaded ? moment(loaded) : "unknown");
  if (reload) showState(byID("reload"), reload.outcome, `${text(reload.outcome)}, ${moment(reload.time)}`);
  else showState(byID("reload"), "none", "none since the start");
  keepTexts(byID("listeners"), list(status.listeners)
    .map((each) => `${text(each.address)}, ${each.tls ? "TLS" : "clear text"}`));
  const problems = list(reload?.problems);
  keep(byID("problems"), problems, (each) => `${each.at} ${each.problem}`, () => copy("problem-item"), (item, each) =>
    fill(item, { at: text(each.at), problem: text(each.problem), remedy: text(each.remedy) }));
  keepTable(byID("workers"), list(status.workers), (each) => each.index, (each) => [
    `Worker ${number(each.index)}`, { state: each.alive === false ? "stuck" : "turning" },
    count(each.connections), count(each.streams), count(each.requests),
  ]);
  const dropped = Object.entries(status.logs ?? {})
    .map(([name, value]) => `${count(value)} of ${name.replace("_dropped", "")}`);
  write(byID("logs"), dropped.length ? `Log lines dropped since the start: ${dropped.join(", ")}.` : "");
}

// MARK: Asking

let question = null; // What is being asked; an answer to another question comes too late.
let timer = 0;
let failures = 0;
let answeredAt = null;
let isPaused = false;

async function poll() {
  clearTimeout(timer);
  question?.abort();
  const mine = (question = new AbortController());
  const patience = setTimeout(() => mine.abort(), PATIENCE);
  let status = null;
  let problem = "The gateway does not answer.";
  try {
    const query = new URLSearchParams({ routes: ROUTES_PER_PAGE, ...view });
    const response = await fetch(`status.json?${query}`, { signal: mine.signal, cache: "no-store" });
    if (response.ok) status = await response.json();
    else problem = `The gateway answers with status ${response.status}.`;
  } catch {
    // Closed, too late, or no JSON: the problem is said already.
  }
  clearTimeout(patience);
  if (mine !== question) return;
  failures = status ? 0 : failures + 1;
  if (!isPaused && !document.hidden) timer = setTimeout(poll, Math.min(PERIOD * 2 ** failures, LONGEST_PERIOD));
  if (status) show(status);
  else showSilence(problem);
}

function show(status) {
  answeredAt = new Date();
  document.body.classList.remove("stale");
  const speed = measure(status);
  showProcess(status);
  showTraffic(status);
  showReplays(status);
  showRoutes(status, speed);
  showEndpoints(status);
  showIssuers(status);
  showConfiguration(status);
  write(byID("freshness"), `${isPaused ? "Paused" : "Updated"} at ${clock(answeredAt)}`);
}

function showSilence(problem) {
  document.body.classList.add("stale");
  showVerdict("bad", "No answer", problem);
  write(byID("freshness"), answeredAt ? `Stale since ${clock(answeredAt)}` : "Nothing to show yet");
}

// MARK: What a person does

byID("pause").addEventListener("click", (event) => {
  isPaused = !isPaused;
  mark(event.target, "aria-pressed", String(isPaused));
  if (answeredAt) write(byID("freshness"), `${isPaused ? "Paused" : "Updated"} at ${clock(answeredAt)}`);
  if (isPaused) clearTimeout(timer);
  else poll();
});

// Nobody looks at a hidden page.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (!isPaused) poll();
});

let typing = 0;
byID("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => look({ filter: event.target.value.trim() }), 200);
});
byID("sort").addEventListener("change", (event) => look({ sort: event.target.value }));
for (const header of document.querySelectorAll("[data-order]")) {
  header.querySelector("button").addEventListener("click", () => look({ sort: header.dataset.order }));
}
byID("more-endpoints").addEventListener("click", () => {
  showsAllEndpoints = !showsAllEndpoints;
  poll();
});
byID("previous").addEventListener("click", () => look({ offset: Math.max(0, view.offset - ROUTES_PER_PAGE) }));
byID("next").addEventListener("click", () => look({ offset: view.offset + ROUTES_PER_PAGE }));

look({ filter: byID("filter").value.trim() });
