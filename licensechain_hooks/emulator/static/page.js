// The emulator's page: what /emulator tells, kept up to date.
// Text from elsewhere becomes textContent and nothing else; rows stay the same elements, so focus stays where it is.

const SHOWN = 100;
const byId = (id) => document.getElementById(id);
const deliveryTable = byId("delivery-table");
const webhooks = new Map();
const licenses = new Map();
const deliveries = new Map();
const rows = new Map();
let faults = {};

/* Asking the emulator. */

async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(`/emulator/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.error?.message ?? `The emulator answered ${response.status}.`);
  return answer;
}

async function act(action) {
  try {
    await action();
    byId("notice").hidden = true;
  } catch (error) {
    byId("notice").textContent = error instanceof TypeError ? "The emulator does not answer." : error.message;
    byId("notice").hidden = false;
  }
}

/* Telling, in few words: what happens within a moment is one announcement. */

const news = [];
let telling;

function tell(text) {
  news.push(text);
  clearTimeout(telling);
  telling = setTimeout(() => {
    byId("status").textContent = news.length > 3 ? `${news.length} changes. Latest: ${news.at(-1)}` : news.join(". ");
    news.length = 0;
  }, 600);
}

/* Rows. */

function fill(row, values) {
  for (const [field, value] of Object.entries(values)) {
    for (const place of row.querySelectorAll(`[data-field="${field}"]`)) {
      const text = String(value ?? "");
      if (place.textContent !== text) place.textContent = text;
    }
  }
}

const at = (row, field) => row.querySelector(`[data-field="${field}"]`);

function rowOf(kind, template, id) {
  const key = `${kind} ${id}`;
  if (!rows.has(key)) {
    const row = byId(template).content.firstElementChild.cloneNode(true);
    row.dataset.id = id;
    rows.set(key, row);
  }
  return rows.get(key);
}

function drop(kind, items, id) {
  rows.get(`${kind} ${id}`)?.remove();
  rows.delete(`${kind} ${id}`);
  items.delete(id);
}

function badge(place, kind) {
  place.dataset.kind = kind;
}

const shortId = (id) => (id && id.length > 14 ? `${id.slice(0, 8)}…` : (id ?? ""));

/* Licenses. */

const LICENSE_KINDS = { active: "good", expired: "waiting", suspended: "waiting", revoked: "bad" };
const nameOf = (license) => license.name || license.licenseKey || license.id;

function showLicense(license) {
  licenses.set(license.id, license);
  const row = rowOf("license", "license-row", license.id);
  const status = String(license.status ?? "").toLowerCase();
  fill(row, { name: nameOf(license), id: license.id, status });
  badge(at(row, "status"), LICENSE_KINDS[status] ?? "plain");
  const off = { revoke: status === "revoked", expire: status !== "active", extend: status === "revoked" };
  for (const button of row.querySelectorAll("button")) {
    button.ariaDisabled = String(off[button.dataset.action]); // not disabled: that would lose the focus
  }
  if (!row.isConnected) byId("licenses").tBodies[0].prepend(row);
}

byId("licenses").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.ariaDisabled === "true") return;
  const license = licenses.get(button.closest("tr").dataset.id);
  act(async () => {
    showLicense(await ask("POST", `licenses/${encodeURIComponent(license.id)}/${button.dataset.action}`));
    tell(`${nameOf(license)} is ${String(licenses.get(license.id).status).toLowerCase()}`);
  });
});

byId("new-license").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId("new-license-name");
  act(async () => {
    const license = await ask("POST", "licenses", input.value.trim() ? { name: input.value.trim() } : {});
    showLicense(license);
    input.value = "";
    tell(`${nameOf(license)} is created`);
    showEmpty();
  });
});

/* Webhooks. */

function showWebhook(webhook) {
  webhooks.set(webhook.id, webhook);
  const row = rowOf("webhook", "webhook-row", webhook.id);
  fill(row, {
    url: webhook.url,
    active: webhook.active ? "active" : "inactive",
    events: (webhook.events ?? []).join(", "),
  });
  badge(at(row, "active"), webhook.active ? "good" : "plain");
  if (!row.isConnected) byId("webhooks").tBodies[0].prepend(row);
}

/* Deliveries. */

const STATE_KINDS = { pending: "waiting", delivered: "good", failed: "bad" };
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function took(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

function showDelivery(delivery, isNews) {
  const known = deliveries.get(delivery.id);
  if (known && known.state !== "pending" && delivery.state === "pending") return; // what was read before it was sent
  deliveries.set(delivery.id, delivery);
  const row = rowOf("delivery", "delivery-rows", delivery.id);
  const created = new Date(delivery.createdAt);
  fill(row, {
    time: clock.format(created),
    eventType: delivery.eventType,
    eventId: shortId(delivery.eventId),
    under: [shortId(delivery.eventId), delivery.fault && `fault: ${delivery.fault}`, delivery.error].filter(Boolean).join(" · "),
    state: delivery.state,
    statusCode: delivery.statusCode ?? "–",
    outcome: delivery.outcome ?? "–",
    attempt: delivery.attempt,
    took: took(delivery.durationMs) || "–",
  });
  at(row, "time").dateTime = delivery.createdAt;
  at(row, "time").title = moment.format(created);
  at(row, "eventId").closest("th").title = delivery.eventId ?? "";
  badge(at(row, "state"), STATE_KINDS[delivery.state] ?? "plain");
  row.querySelector("[data-action=again]").ariaDisabled = String(delivery.state === "pending");
  if (!row.isConnected) place(row, delivery, isNews);
  if (known?.state !== delivery.state) {
    if (isNews && delivery.state !== "pending") tell(inWords(delivery));
    if (!row.rows[1].hidden) act(() => showDetails(row));
  }
}

function inWords(delivery) {
  const reply = [delivery.statusCode, delivery.outcome].filter(Boolean).join(" ") || delivery.error;
  return [`${delivery.eventType} ${delivery.state}`, reply].filter(Boolean).join(": ");
}

function place(row, delivery, isNews) {
  row.rows[1].id = `details-${rows.size}-${deliveries.size}`;
  row.querySelector("[aria-expanded]").setAttribute("aria-controls", row.rows[1].id);
  const older = [...deliveryTable.tBodies].find((other) => deliveries.get(other.dataset.id).createdAt <= delivery.createdAt);
  deliveryTable.insertBefore(row, older ?? null);
  row.classList.toggle("new", isNews);
  const oldest = [...deliveryTable.tBodies].slice(SHOWN);
  for (const gone of oldest.filter((one) => !one.contains(document.activeElement) && one.rows[1].hidden)) {
    drop("delivery", deliveries, gone.dataset.id);
  }
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function showDetails(row) {
  const delivery = await ask("GET", `deliveries/${encodeURIComponent(row.dataset.id)}`);
  const reply = [delivery.statusCode, delivery.outcome].filter(Boolean).join(" ");
  fill(row, {
    url: delivery.url,
    requestBody: indented(delivery.requestBody ?? ""),
    exactBody: delivery.requestBody,
    replied: delivery.error ?? (reply || "Waiting for it."),
    responseBody: indented(delivery.responseBody ?? ""),
  });
  at(row, "responseBody").hidden = !delivery.responseBody;
  const headers = Array.isArray(delivery.requestHeaders)
    ? delivery.requestHeaders
    : Object.entries(delivery.requestHeaders ?? {});
  at(row, "requestHeaders").replaceChildren(...headers.flatMap(([name, value]) => [term("dt", name), term("dd", value)]));
}

function term(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

deliveryTable.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.ariaDisabled === "true") return;
  const row = button.closest("tbody");
  if (button.dataset.action === "open") {
    row.rows[1].hidden = !row.rows[1].hidden;
    button.ariaExpanded = String(!row.rows[1].hidden);
    if (!row.rows[1].hidden) act(() => showDetails(row));
    return;
  }
  act(async () => {
    showDelivery(await ask("POST", `deliveries/${encodeURIComponent(row.dataset.id)}/redeliver`), true);
    tell(`${deliveries.get(row.dataset.id).eventType} is sent again`);
  });
});

/* Faults. */

const form = byId("faults");
const QUIET = new Set(["", "0", "false", "null", "guide"]);

function isFault(name, value) {
  const quiet = { restamp: ["true"], envelope: ["guide"], errorShape: ["nested"], updateMethod: ["put"] }[name];
  return quiet ? !quiet.includes(String(value)) : !QUIET.has(String(value));
}

function showFaults(current) {
  faults = current;
  for (const input of form.elements) {
    if (!(input.name in faults)) continue;
    if (input.type === "checkbox") input.checked = faults[input.name];
    else input.value = faults[input.name] ?? "";
  }
  const names = Object.entries(faults).filter(([name, value]) => isFault(name, value));
  const words = names.map(([name, value]) => (value === true || value === false ? name : `${name} ${value}`));
  byId("faults-now").textContent = words.length ? words.join(", ") : "None: everything is sent as the guide says.";
  byId("faults-now").classList.toggle("some", words.length > 0);
}

function chosen() {
  const changes = {};
  for (const input of form.elements) {
    if (!input.name) continue;
    if (input.type === "checkbox") changes[input.name] = input.checked;
    else if (input.type === "number") changes[input.name] = input.valueAsNumber;
    else changes[input.name] = input.value || null;
  }
  return changes;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  act(async () => {
    showFaults(await ask("PUT", "faults", { ...faults, ...chosen() }));
    tell("Faults are applied");
  });
});

byId("clear-faults").addEventListener("click", () => act(async () => {
  showFaults(await ask("PUT", "faults", {}));
  tell("Faults are cleared");
}));

/* Everything, and then what happens. */

function showEmpty() {
  byId("no-licenses").hidden = licenses.size > 0;
  byId("no-webhooks").hidden = webhooks.size > 0;
  byId("no-deliveries").hidden = deliveries.size > 0;
  byId("no-deliveries").classList.toggle("has-webhooks", webhooks.size > 0);
  deliveryTable.hidden = deliveries.size === 0;
}

function showAll(kind, items, listed, show) {
  const ids = new Set(listed.map((one) => one.id));
  for (const id of [...items.keys()].filter((known) => !ids.has(known))) drop(kind, items, id);
  for (const one of listed.toReversed()) show(one); // the newest come first
}

async function showEverything() {
  const paths = ["webhooks", "licenses", `deliveries?limit=${SHOWN}`, "faults"];
  const [hooks, all, sent, wrong] = await Promise.all(paths.map((path) => ask("GET", path)));
  showAll("webhook", webhooks, hooks.webhooks, showWebhook);
  showAll("license", licenses, all.licenses, showLicense);
  showAll("delivery", deliveries, sent.deliveries, (one) => showDelivery(one, false));
  showFaults(wrong);
  showEmpty();
}

function showLive(state, words) {
  byId("live").dataset.live = state;
  byId("live").textContent = words;
}

const SHOW = {
  webhook: (one) => (one.deleted ? drop("webhook", webhooks, one.id) : showWebhook(one)),
  license: (one) => (one.deleted ? drop("license", licenses, one.id) : showLicense(one)),
  delivery: (one) => showDelivery(one, true),
  fault: showFaults,
};

let stream;

function listen() {
  stream = new EventSource("/emulator/events");
  stream.addEventListener("open", () => {
    act(async () => {
      await showEverything();
      showLive("on", "Live");
    });
  });
  stream.addEventListener("error", () => {
    showLive("off", "Not connected; trying again");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
  for (const [kind, show] of Object.entries(SHOW)) {
    stream.addEventListener(kind, (event) => {
      show(JSON.parse(event.data));
      showEmpty();
    });
  }
}

listen();
