// The inspector's code, without a build step and without a library.
//
// Once a second [poll] fetches the status of the emulator and what the section on display shows. The
// address holds what is on display: #conversations, or #requests/12 for the details of one item. So rows
// are links, and the browser's back button closes the details.
//
// To add a section: a link in <nav> and a <section> in inspector.html, and here a member of [sections]
// with refresh(), which fetches and fills the list, poll(), which does so once a second, and
// detail(key), which returns the details' nodes (undefined leaves them as they are, null says that the
// item is gone). A section that is a log has fetch() too, which is called whatever is on display.
//
// Data becomes text nodes only, through [el]. The Content-Security-Policy demands trusted types and
// allows none, so that the browser refuses innerHTML and its like.

const rowsPerPage = 50;
const logShown = 300; // requests, and deliveries of webhooks

// Nodes

/** el makes an element; strings among the children become text. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

const byID = (id) => document.getElementById(id);
const button = (label, click, attributes = {}) => el("button", { type: "button", click, ...attributes }, label);

const sources = new WeakMap(); // of the nodes that sync made

/**
 * pressing is true from the press of the pointer on a list or its details until the release. Nothing
 * there changes meanwhile: a browser reports no click where the node under the pointer was replaced.
 */
let pressing = false;
addEventListener("pointerdown", (event) => (pressing = event.button === 0 && Boolean(event.target.closest(".rows, .detail"))), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (pressing = false), true);
addEventListener("blur", () => (pressing = false)); // another window got the release

/** sync makes the children of list show items, and leaves those alone that show theirs already. */
function sync(list, items, keyOf, build) {
  if (pressing) return;
  const keys = new Set(items.map(keyOf));
  const old = new Map();
  for (const node of [...list.children]) {
    if (keys.has(node.dataset.key)) old.set(node.dataset.key, node);
    else node.remove();
  }
  let next = list.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const source = JSON.stringify(item);
    let node = old.get(key);
    if (!node || sources.get(node) !== source) {
      const made = el("li", { "data-key": key, class: !node && old.size > 0 && "fresh" }, build(item));
      sources.set(made, source);
      if (node) {
        const focused = node.contains(document.activeElement);
        if (next === node) next = made;
        node.replaceWith(made);
        if (focused) made.querySelector("a, button")?.focus();
      }
      node = made;
    }
    if (node === next) next = next.nextSibling;
    else list.insertBefore(node, next);
  }
}

/** facts makes a definition list of the pairs that have a value. */
function facts(...pairs) {
  return el("dl", {}, pairs.filter(([, value]) => value != null && value !== "")
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

// Texts

const number = (n) => n.toLocaleString("en");

/** countdown is a time that is left, to the second: 9:05, 1:09:05 or 2 d 3 h. */
function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  if (s < 86400) return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return `${number(Math.floor(s / 86400))} d ${Math.floor(s / 3600) % 24} h`;
}

/** span is a time in its largest unit. */
function span(ms) {
  const [size, unit] = [[86400e3, "d"], [3600e3, "h"], [60e3, "min"], [1e3, "s"]].find(([size]) => ms >= size) ?? [1e3, "s"];
  return `${number(Math.floor(ms / size))} ${unit}`;
}

/** took is a duration of Go's with at most three digits: 13.315062ms is 13.3 ms. */
function took(duration) {
  const [, minutes, n, unit] = /^(.*[hm])?([\d.]+)(\D+)$/.exec(duration) ?? [];
  return n ? `${minutes ?? ""} ${n >= 100 ? Math.round(n) : Number(Number(n).toPrecision(3))} ${unit}`.trim() : duration ?? "";
}

const dateTime = (time) => new Date(time).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
const timeOfDay = (time) => new Date(time).toISOString().slice(11, 19);

/** ago and until make texts that retime keeps up with the emulator's clock. */
const ago = (time) => el("time", { datetime: time, title: dateTime(time), "data-since": Date.parse(time) });
const until = (time, what) => el("span", { title: dateTime(time), "data-until": Date.parse(time), "data-what": what });

function retime(root) {
  const now = clock.now();
  for (const node of root.querySelectorAll("[data-since]")) {
    const ms = now - node.dataset.since;
    node.textContent = ms < -1000 ? `in ${span(-ms)}` : ms < 5000 ? "just now" : `${span(ms)} ago`;
  }
  for (const node of root.querySelectorAll("[data-until]")) {
    const ms = node.dataset.until - now;
    node.textContent = ms > 0 ? `${node.dataset.what} in ${countdown(ms)}` : `${node.dataset.what} now`;
  }
}

/** indent formats JSON text without reading its values, which could change large numbers. */
function indent(text) {
  let out = "", depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    if (token === "}" || token === "]") {
      depth--;
      out += /[{[]$/.test(out) ? token : line() + token;
      continue;
    }
    if (/[{[]$/.test(out)) out += line();
    out += token;
    if (token === "{" || token === "[") depth++;
    if (token === ",") out += line();
    if (token === ":") out += " ";
  }
  return out;
}

function isJSON(text) {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

const value = (text) => (text.length > 2 && isJSON(text) ? el("pre", {}, indent(text)) : text);

// Requests to the emulator

async function get(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** post sends JSON, a type that no page of another origin can send here. */
async function post(path, body) {
  let response, text;
  try {
    response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    text = await response.text();
  } catch {
    throw new Error("The connection broke before the response was complete.");
  }
  if (response.ok) return text;
  let message = text.trim();
  try {
    const error = JSON.parse(text);
    if (error.code) message = `${response.status}, ${error.code}: ${error.message}`;
  } catch {
    // a line of text, or the body of a fault
  }
  throw new Error(message.slice(0, 1000) || `The status is ${response.status}.`);
}

/** callAPI sends a request of the API, which the emulator logs as any other. The emulator adds the credentials. */
function callAPI({ account_sid, chat_service_sid }, method, sid, form, webhooks) {
  const service = status.services.find((s) => s.account_sid === account_sid && s.chat_service_sid === chat_service_sid);
  const scope = service?.default || !chat_service_sid ? "" : `/Services/${encodeURIComponent(chat_service_sid)}`;
  const path = `/v1${scope}/Conversations${sid ? `/${sid}` : ""}`;
  return post("send", { account_sid, method, path, form, webhooks });
}

// The clock

let status = { services: [], faults: [], operations: [], events: [], webhooks: [], latest_delivery: 0 };

const clock = {
  at: Date.now(), read: performance.now(),
  now: () => clock.at + performance.now() - clock.read,
  async advance(duration) {
    await post("clock", { advance: duration });
    say(`The clock is ${duration} ahead.`);
    await refresh();
  },
  show() {
    const now = clock.now();
    const [day, time] = dateTime(now).split(" ");
    byID("now").replaceChildren(`${day} `, el("b", {}, time));
    byID("now").dateTime = new Date(now).toISOString();
    const next = byID("next-timer");
    next.disabled = !status.next_timer;
    next.textContent = status.next_timer ? `Next timer ${countdown(Date.parse(status.next_timer) - now)}` : "No timer";
    retime(document);
  },
};

async function refreshStatus() {
  status = await get("status");
  clock.at = Date.parse(status.now);
  clock.read = performance.now();
  const total = status.services.reduce((sum, s) => sum + s.total, 0);
  byID("conversations-count").textContent = number(total);
  byID("faults-count").textContent = status.faults.length || "";
}

// Messages

let toastTimer;
function say(message) {
  byID("toast").textContent = message;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byID("toast").replaceChildren(), 4000);
}

/** attempt reports what goes wrong with an action. */
const attempt = (action) => (...args) => action(...args).catch((error) => say(error.message));

const copy = attempt(async (text, what) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not permitted, or the address is neither HTTPS nor loopback
    const area = el("textarea", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("The browser does not allow copying.");
  }
  say(`Copied ${what}.`);
});

// The dialog

/**
 * openDialog asks for values and hands them to action; when action throws, the dialog shows why and stays.
 * A field is {name, label, type, value, hint, options, list, placeholder}, a pair an array of two, and
 * {more, fields} is what is folded away.
 */
function openDialog({ title, text, fields = [], submit, danger, action }) {
  const problem = el("p", { class: "problem", role: "alert" });
  const form = el("form", { method: "dialog", autocomplete: "off" },
    el("h2", { id: "dialog-title" }, title),
    text && el("p", {}, text),
    fields.map(field),
    problem,
    el("div", { class: "buttons" },
      button("Cancel", () => byID("dialog").close()),
      el("button", { class: danger ? "danger" : "primary" }, submit)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...form.elements].filter((input) => input.name)
      .map((input) => [input.name, input.type === "checkbox" ? input.checked : input.value]));
    problem.textContent = "";
    form.lastChild.lastChild.disabled = true;
    try {
      await action(values);
      byID("dialog").close();
    } catch (error) {
      problem.textContent = error.message;
    }
    form.lastChild.lastChild.disabled = false;
    attempt(refresh)();
  });
  byID("dialog").replaceChildren(form);
  byID("dialog").showModal();
}

function field(f) {
  if (Array.isArray(f)) return el("div", { class: "pair" }, f.map(field));
  if (f.more) return el("details", {}, el("summary", {}, f.more), el("div", {}, f.fields.map(field)));
  const common = { name: f.name, placeholder: f.placeholder, spellcheck: "false" };
  let input;
  switch (f.type) {
    case "select":
      input = el("select", common, f.options.map(([value, label]) => el("option", { value }, label)));
      break;
    case "textarea":
      input = el("textarea", { ...common, class: f.tall && "tall" });
      break;
    case "checkbox":
      input = el("input", { ...common, type: "checkbox" });
      input.checked = Boolean(f.value);
      return el("label", { class: "check" }, input, f.label);
    default:
      input = el("input", { ...common, type: f.type ?? "text", list: f.list && `${f.name}-list`, required: f.required, min: f.min, max: f.max });
  }
  input.value = f.value ?? input.value;
  return el("label", {}, f.label, input,
    f.list && el("datalist", { id: `${f.name}-list` }, f.list.map((value) => el("option", { value }))),
    f.hint && el("small", {}, f.hint));
}

// Conversations

const stateTag = (state) => el("span", { class: `tag ${state}` }, state);
const nameOf = (c) => c.friendly_name || c.unique_name || c.sid;
const short = (sid) => `${sid.slice(0, 6)}…${sid.slice(-4)}`;
const keyOf = (c) => `${c.account_sid}/${c.chat_service_sid}/${c.sid}`;

/** nextTimer is the timer of a conversation that fires next: [time, what it does]. */
function nextTimer(c) {
  if (c.state === "closed") return null;
  if (c.date_inactive && c.state !== "inactive" && (!c.date_closed || c.date_inactive < c.date_closed)) return [c.date_inactive, "inactive"];
  return c.date_closed ? [c.date_closed, "closed"] : null;
}

const defaultService = "Default service";

function serviceName(s) {
  const service = s.default ? defaultService : short(s.chat_service_sid);
  const accounts = new Set(status.services.map((other) => other.account_sid));
  return accounts.size > 1 ? `${short(s.account_sid)} · ${service}` : service;
}

const conversations = {
  filter: byID("conversations-filter").elements,
  cursors: [""], // of the pages up to this one
  shown: [],
  next: "",
  scanned: false, // the search took several requests, too many to repeat each second
  generation: 0,

  async poll() {
    if (!this.scanned) await this.refresh();
  },

  async refresh() {
    const generation = ++this.generation;
    this.fillServices();
    const [account, service] = this.filter.service.value.split("/");
    const query = { account_sid: account, chat_service_sid: service ?? "", state: this.filter.state.value, search: this.filter.search.value.trim() };
    let found = [], next = this.cursors.at(-1), requests = 0;
    do {
      const page = await get(`conversations?${new URLSearchParams({ ...query, after: next, limit: rowsPerPage - found.length })}`);
      if (generation !== this.generation) return; // another filter by now
      found = found.concat(page.conversations);
      next = page.next;
      if (++requests > 1) byID("conversations-range").textContent = "Searching…";
    } while (next && found.length < rowsPerPage);
    Object.assign(this, { shown: found, next, scanned: requests > 1 });
    this.show(query);
  },

  show(query) {
    sync(byID("conversations-rows"), this.shown, keyOf, (c) => this.row(c));
    const filtered = query.search !== "" || query.state !== "";
    const empty = byID("conversations-empty");
    empty.hidden = this.shown.length > 0;
    empty.textContent = filtered ? "No conversation matches." : `No conversations yet.\nPoint your client at ${location.origin}, or choose New.`;
    const start = (this.cursors.length - 1) * rowsPerPage;
    const total = status.services.filter((s) => !query.chat_service_sid || s.chat_service_sid === query.chat_service_sid && s.account_sid === query.account_sid)
      .reduce((sum, s) => sum + (query.state ? s[query.state] : s.total), 0);
    const range = this.shown.length ? `${number(start + 1)}–${number(start + this.shown.length)}` : "";
    const text = range && !query.search ? `${range} of ${number(total)}` : range;
    if (byID("conversations-range").textContent !== text) byID("conversations-range").textContent = text;
    byID("newer").disabled = this.cursors.length === 1;
    byID("older").disabled = !this.next;
    byID("conversations-pager").hidden = this.cursors.length === 1 && !this.next;
  },

  row(c) {
    const timer = nextTimer(c);
    const service = status.services.find((s) => s.chat_service_sid === c.chat_service_sid && s.account_sid === c.account_sid);
    const name = nameOf(c);
    return el("a", { href: `#conversations/${keyOf(c)}` },
      stateTag(c.state),
      el("span", { class: "title" }, name),
      el("span", { class: "right" }, timer ? until(timer[0], timer[1]) : ""),
      el("span", { class: "second" }, [c.unique_name !== name && c.unique_name, c.sid !== name && c.sid, service && serviceName(service) !== defaultService && serviceName(service)].filter(Boolean).join(" · ")),
      el("span", { class: "right" }, ago(c.date_created)));
  },

  async detail(key) {
    let c = this.shown.find((c) => keyOf(c) === key);
    if (!c) {
      const [account_sid, chat_service_sid, search] = key.split("/");
      [c] = (await get(`conversations?${new URLSearchParams({ account_sid, chat_service_sid, search, limit: 1 })}`)).conversations;
    }
    if (!c) return null;
    const open = c.state !== "closed";
    const date = (time) => time && [dateTime(time), " ", el("span", { class: "aside" }, ago(time))];
    const timer = (time, what) => time && [dateTime(time), " ", open && Date.parse(time) > clock.now() && el("span", { class: "aside" }, until(time, what))].filter(Boolean);
    return {
      source: JSON.stringify(c),
      nodes: () => [
        el("h2", {}, nameOf(c)),
        el("p", { class: "head" }, stateTag(c.state), el("code", {}, c.sid)),
        el("div", { class: "actions" },
          button("Edit", () => this.edit(c), { disabled: !open }),
          button("Activity", attempt(() => this.activity(c)), { disabled: !open, title: "As a message would: revives the conversation and restarts its timers" }),
          button("Close", attempt(() => this.close(c)), { disabled: !open }),
          button("Delete", () => this.remove(c), { class: "danger" }),
          button("Copy SID", () => copy(c.sid, "the SID"))),
        el("h3", {}, "Attributes"),
        el("pre", {}, indent(c.attributes)),
        el("h3", {}, "Timers"),
        c.date_inactive || c.date_closed ? facts(["Inactive", timer(c.date_inactive, "fires")], ["Closed", timer(c.date_closed, "fires")]) : el("p", { class: "aside" }, "None"),
        el("h3", {}, "Fields"),
        facts(
          ["Friendly name", c.friendly_name], ["Unique name", c.unique_name], ["Created", date(c.date_created)], ["Updated", date(c.date_updated)],
          ["Service", el("code", {}, c.chat_service_sid)], ["Account", el("code", {}, c.account_sid)], ["Messaging service", c.messaging_service_sid && el("code", {}, c.messaging_service_sid)],
          ["Email address", c.email_address], ["Email name", c.email_name])],
    };
  },

  fillServices() {
    const options = [["", "All services"], ...status.services.map((s) => [`${s.account_sid}/${s.chat_service_sid}`, serviceName(s)])];
    const select = this.filter.service;
    if (sources.get(select) === JSON.stringify(options)) return;
    sources.set(select, JSON.stringify(options));
    const chosen = select.value;
    select.replaceChildren(...options.map(([value, label]) => el("option", { value, title: value }, label)));
    select.value = options.some(([value]) => value === chosen) ? chosen : "";
  },

  turn(older) {
    if (older) this.cursors.push(this.next);
    else this.cursors.pop();
    byID("older").disabled = byID("newer").disabled = true; // until the page is there
    byID("conversations-rows").scrollTop = 0;
    return this.refresh();
  },

  fields(c = {}) {
    return [
      [{ name: "FriendlyName", label: "Friendly name", value: c.friendly_name }, { name: "UniqueName", label: "Unique name", value: c.unique_name }],
      { name: "Attributes", label: "Attributes, JSON", type: "textarea", value: c.attributes && (isJSON(c.attributes) ? indent(c.attributes) : c.attributes), placeholder: "{}" },
      [{ name: "Timers.Inactive", label: "Inactive after", placeholder: "PT1H", hint: c.sid && "PT0S removes the timer." }, { name: "Timers.Closed", label: "Closed after", placeholder: "P1D" }],
      {
        more: "More fields", fields: [
          [{ name: "State", label: "State", type: "select", value: c.state, options: (c.sid ? ["active", "inactive", "closed"] : ["", "active", "inactive"]).map((state) => [state, state || "active by default"]) },
            { name: "MessagingServiceSid", label: "Messaging service SID", placeholder: "MG…", value: c.messaging_service_sid }],
          [{ name: "DateCreated", label: "Date created", placeholder: "2026-01-31T08:00:00Z" }, { name: "DateUpdated", label: "Date updated", placeholder: "2026-01-31T08:00:00Z" }],
          [{ name: "Bindings.Email.Address", label: "Email address", value: c.email_address }, { name: "Bindings.Email.Name", label: "Email name", value: c.email_name }],
          { name: "webhooks", label: "Send X-Twilio-Webhook-Enabled: true", type: "checkbox" },
        ],
      },
    ];
  },

  create() {
    const accounts = [...new Set(status.services.map((s) => s.account_sid))];
    const [account, service] = this.filter.service.value.split("/");
    const scope = status.services.find((s) => s.account_sid === account && s.chat_service_sid === service);
    openDialog({
      title: "New conversation",
      submit: "Create",
      fields: [
        accounts.length > 1 && { name: "account_sid", label: "Account", type: "select", value: account, options: accounts.map((sid) => [sid, sid]) },
        ...this.fields(),
        { name: "chat_service_sid", label: "Service", value: scope && !scope.default ? service : "", placeholder: "IS…, or empty for the default service", list: status.services.filter((s) => !s.default).map((s) => s.chat_service_sid) },
      ].filter(Boolean),
      action: async ({ account_sid = accounts[0], chat_service_sid, webhooks, ...values }) => {
        const form = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
        const made = JSON.parse(await callAPI({ account_sid, chat_service_sid }, "POST", "", form, webhooks));
        location.hash = `#conversations/${made.account_sid}/${made.chat_service_sid}/${made.sid}`;
        say("Created.");
      },
    });
  },

  edit(c) {
    const before = {};
    const remember = (f) => Array.isArray(f) ? f.forEach(remember) : f.more ? f.fields.forEach(remember) : before[f.name] = f.value ?? "";
    const fields = this.fields(c);
    fields.forEach(remember);
    openDialog({
      title: `Edit ${nameOf(c)}`,
      text: "Sends the fields that you change. An empty field changes nothing, as in the API.",
      submit: "Update",
      fields,
      action: async ({ webhooks, ...values }) => {
        const form = Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== before[name]));
        await callAPI(c, "POST", c.sid, form, webhooks);
        say("Updated.");
      },
    });
  },

  async activity({ sid }) {
    await post("activity", { sid });
    say("Its timers count from now.");
    await refresh();
  },

  async close(c) {
    await callAPI(c, "POST", c.sid, { State: "closed" });
    say("Closed.");
    await refresh();
  },

  remove(c) {
    openDialog({
      title: `Delete ${nameOf(c)}?`, submit: "Delete", danger: true,
      action: async () => {
        await callAPI(c, "DELETE", c.sid);
        location.hash = "#conversations";
        say("Deleted.");
      },
    });
  },

  seed() {
    const ahead = (ms) => new Date(clock.now() + ms).toISOString().replace(/\.\d+/, "");
    const example = [
      { friendly_name: "Order 1001", unique_name: "order-1001", attributes: '{"customer":"Ada"}', date_inactive: ahead(3600e3) },
      { friendly_name: "Order 1000", state: "closed", date_created: ahead(-86400e3) },
    ];
    openDialog({
      title: "Seed conversations",
      text: "Stored as they are, without a request of the API. The members are those of POST /_emulator/conversations.",
      submit: "Seed",
      fields: [{ name: "json", label: "Conversations, a JSON list", type: "textarea", tall: true, value: JSON.stringify(example, null, 2) }],
      action: async ({ json }) => {
        const { sids } = JSON.parse(await post("conversations", JSON.parse(json)));
        say(`Seeded ${number(sids.length)}.`);
      },
    });
  },
};

// Requests

const requests = {
  filter: byID("requests-filter").elements,
  all: [], // newest first

  async fetch() {
    const before = this.all[0]?.number ?? 0;
    this.all = (await get(`requests?latest=${logShown}`)).reverse();
    byID("requests-count").textContent = this.all.length < logShown ? number(this.all.length) : `${logShown}+`;
    const fresh = this.all.filter((r) => r.number > before);
    if (before && fresh.length) byID("announcement").textContent = fresh.length > 3 ? `${fresh.length} new requests` : fresh.map((r) => `${r.operation || r.method}: ${this.outcome(r)[0]}`).join(", ");
  },

  poll() {
    return this.refresh();
  },

  async refresh() {
    const text = this.filter.search.value.trim().toLowerCase();
    const outcome = this.filter.outcome.value;
    const shown = this.all.filter((r) =>
      (!outcome || outcome === "fault" ? !outcome || r.fault : this.failed(r)) &&
      (!text || [r.operation, r.method, r.path, String(r.status), r.error ?? "", ...Object.entries({ ...r.query, ...r.form }).flat(2)].some((s) => s.toLowerCase().includes(text))));
    sync(byID("requests-rows"), shown, (r) => String(r.number), (r) => this.row(r));
    const empty = byID("requests-empty");
    empty.hidden = shown.length > 0;
    empty.textContent = this.all.length ? "No request matches." : `No requests yet.\nPoint your client at ${location.origin}; they appear here as they come.`;
  },

  failed: (r) => r.status >= 400 || (r.status === 0 && Boolean(r.duration)),

  /** outcome is what came of a request, and the class of its colour. */
  outcome(r) {
    if (!r.duration) return ["pending", "pending"];
    if (!r.status) return ["dropped", "failed"];
    return [String(r.status), r.status < 400 ? "ok" : r.status < 500 ? "refused" : "failed"];
  },

  /** title is what a request is called. Of one without valid credentials, the emulator keeps nothing. */
  title: (r) => r.operation || (r.method ? "No operation" : "No valid credentials"),

  row(r) {
    const [text, look] = this.outcome(r);
    const parameters = Object.entries({ ...r.query, ...r.form }).map(([name, values]) => `${name}=${values.join(", ")}`).join(" · ");
    return el("a", { href: `#requests/${r.number}` },
      el("span", { class: `tag ${look}` }, text),
      el("span", { class: "title" }, this.title(r),
        r.fault && el("span", { class: "mark failed" }, "fault"),
        r.violations?.length > 0 && el("span", { class: "mark refused" }, r.violations.length === 1 ? "1 violation" : `${r.violations.length} violations`)),
      el("span", { class: "right" }, took(r.duration)),
      el("span", { class: "second" }, `${r.method} ${r.path}`, parameters ? ` · ${parameters}` : ""),
      el("span", { class: "right" }, timeOfDay(r.time)),
      r.error && el("span", { class: `second ${look}` }, r.error));
  },

  async detail(key) {
    const r = this.all.find((r) => String(r.number) === key);
    if (!r) return null;
    const [text, look] = this.outcome(r);
    return {
      source: JSON.stringify(r),
      nodes: () => [
        el("h2", {}, this.title(r)),
        el("p", { class: "head" }, el("span", { class: `tag ${look}` }, text), r.duration && el("span", {}, took(r.duration)), el("span", {}, dateTime(r.time))),
        r.method && el("div", { class: "actions" }, button("Copy as curl", () => copy(curl(r), "the curl command"))),
        r.error && [el("h3", {}, "Error"), el("p", { class: look }, r.error)],
        r.violations?.length > 0 && [el("h3", {}, "Violations"), el("ul", { class: "violations" }, r.violations.map((text) => el("li", {}, text)))],
        r.fault && [el("h3", {}, "Fault that was applied"), faultFacts(r.fault)],
        r.method && [el("h3", {}, "Request"), facts(["Method", r.method], ["Path", el("code", {}, r.path)], ["Host", el("code", {}, r.host)])],
        block("Query", r.query),
        block("Form", r.form),
        block("Headers", r.header),
        r.method && [el("h3", {}, "As curl"), el("pre", {}, curl(r))],
      ].flat().filter(Boolean),
    };
  },
};

/** pairs lists the values of a log's parameters or headers, each with its name. */
const pairs = (values) => Object.entries(values ?? {}).flatMap(([name, list]) => list.map((text) => [name, text]));

/** block is a title and the parameters below it, if there are any. */
const block = (title, values) => pairs(values).length > 0 &&
  [el("h3", {}, title), facts(...pairs(values).map(([name, text]) => [name, text === "" ? "(empty)" : value(text)]))];

/** curl is a command that sends a request to this emulator again, with the credentials of the environment. */
function curl({ method, path, query, form, header, host }) {
  const search = new URLSearchParams(pairs(query)).toString();
  const headers = pairs(header).filter(([name]) => /^x-twilio-/i.test(name));
  if (host && host !== location.host) headers.unshift(["Host", host]);
  return curlCommand(method, location.origin + path + (search && `?${search}`), [`-u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN"`], headers, form);
}

function curlCommand(method, url, options, headers, form) {
  const quote = (text) => (/^[\w.:/=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const path = url.split("?")[0];
  return [
    ["curl", /[[\]{}]/.test(url) && "--globoff", /\/\.{1,2}(\/|$)/.test(path) && "--path-as-is", method !== "GET" && `-X ${quote(method)}`, quote(url)].filter(Boolean).join(" "),
    ...options,
    ...headers.map(([name, text]) => `-H ${quote(`${name}: ${text}`)}`),
    // No argument of a command can hold U+0000, and no name of --data-urlencode an = or @.
    ...pairs(form).map(([name, text]) => (/^[\w.]+$/.test(name) && !text.includes("\0") ? `--data-urlencode ${quote(`${name}=${text}`)}` : `--data-raw ${quote(new URLSearchParams([[name, text]]).toString())}`)),
  ].join(" \\\n  ");
}

// Webhooks

const isPre = (event) => /(Add|Update|Remove)$/.test(event);

/** withoutQuery is a URL without its query, where a GET has the parameters. */
const withoutQuery = (url) => url.split("?")[0];

const webhooks = {
  filter: byID("webhooks-filter").elements,
  all: [], // newest first

  async fetch() {
    const before = this.all[0]?.number ?? 0;
    if (status.latest_delivery === before) return; // what was delivered does not change
    this.all = (await get(`deliveries?latest=${logShown}`)).reverse();
    byID("webhooks-count").textContent = this.all.length < logShown ? number(this.all.length) : `${logShown}+`;
    const fresh = this.all.filter((d) => d.number > before);
    if (before && fresh.length) byID("announcement").textContent = fresh.length > 3 ? `${fresh.length} new deliveries` : fresh.map((d) => `${d.event_type}: ${this.outcome(d)[0]}`).join(", ");
  },

  poll() {
    return this.refresh();
  },

  async refresh() {
    const text = this.filter.search.value.trim().toLowerCase();
    const outcome = this.filter.outcome.value;
    const chosen = { "": () => true, failed: (d) => this.outcome(d)[1] !== "ok", pre: (d) => isPre(d.event_type), post: (d) => !isPre(d.event_type) }[outcome];
    const shown = this.all.filter((d) => chosen(d) &&
      (!text || [d.event_type, d.method, d.url, String(d.status), d.error, d.body, ...pairs(d.params).flat()].some((s) => s.toLowerCase().includes(text))));
    sync(byID("webhooks-rows"), shown, (d) => String(d.number), (d) => this.row(d));
    this.showTargets();
    const empty = byID("webhooks-empty");
    empty.hidden = shown.length > 0;
    empty.textContent = this.all.length ? "No delivery matches."
      : status.webhooks.length ? "No deliveries yet.\nA request fires events if it has the header X-Twilio-Webhook-Enabled: true. Timers always do."
      : "No webhooks are configured.\nStart the program with -webhook-post-url or -webhook-pre-url.";
  },

  /** showTargets shows where events are delivered. */
  showTargets() {
    const root = byID("webhooks-targets");
    const source = JSON.stringify(status.webhooks);
    if (sources.get(root) === source) return;
    sources.set(root, source);
    root.replaceChildren(...status.webhooks.map((w) => facts(
      ["Service", w.chat_service_sid && el("code", {}, w.chat_service_sid)],
      ["Pre-events", w.pre_url ? el("code", {}, `${w.method} ${w.pre_url}`) : "none"],
      ["Post-events", w.post_url ? el("code", {}, `${w.method} ${w.post_url}`) : "none"],
      ["Only", w.filters?.join(", ")])));
  },

  /** outcome is what came of a delivery, and the class of its colour. */
  outcome(d) {
    if (d.error) return ["failed", "failed"];
    const fine = isPre(d.event_type) ? d.status === 200 : d.status < 300;
    return [String(d.status), fine ? "ok" : d.status < 500 ? "refused" : "failed"];
  },

  row(d) {
    const [text, look] = this.outcome(d);
    return el("a", { href: `#webhooks/${d.number}` },
      el("span", { class: `tag ${look}` }, text),
      el("span", { class: "title" }, d.event_type),
      el("span", { class: "right" }, took(d.duration)),
      el("span", { class: "second" }, [`${d.method} ${withoutQuery(d.url)}`, d.params.FriendlyName?.[0] || d.params.UniqueName?.[0] || d.conversation_sid].filter(Boolean).join(" · ")),
      el("span", { class: "right" }, timeOfDay(d.time)),
      d.error && el("span", { class: `second ${look}` }, d.error));
  },

  async detail(key) {
    const d = this.all.find((d) => String(d.number) === key);
    if (!d) return null;
    const [text, look] = this.outcome(d);
    const sent = Boolean(d.header); // a delivery that was lost before has none
    const params = (name) => d.params[name]?.[0];
    return {
      source: JSON.stringify(d),
      nodes: () => [
        el("h2", {}, d.event_type),
        el("p", { class: "head" }, el("span", { class: `tag ${look}` }, text), el("span", {}, took(d.duration)), el("span", {}, dateTime(d.time))),
        el("div", { class: "actions" },
          button("Repeat", attempt(() => this.repeat(d)), { title: "Delivers the event once more, with the same idempotency token" }),
          sent && button("Copy as curl", () => copy(this.curl(d), "the curl command"))),
        d.error && [el("h3", {}, "Error"), el("p", { class: look }, d.error)],
        el("h3", {}, "Request"),
        facts(["Method", d.method], ["URL", el("code", {}, d.url)], ["Idempotency token", el("code", {}, d.id)],
          ["Conversation", d.conversation_sid && el("a", { href: `#conversations/${params("AccountSid")}/${params("ChatServiceSid")}/${d.conversation_sid}` }, el("code", {}, d.conversation_sid))]),
        !d.error && [el("h3", {}, "Response"), facts(["Status", String(d.status)], ["Body", d.body === "" ? "(empty)" : value(d.body)])],
        block("Parameters", d.params),
        sent && this.signature(d),
        block("Headers", d.header),
        sent && [el("h3", {}, "As curl"), el("pre", {}, this.curl(d))],
      ].flat(2).filter(Boolean),
    };
  },

  /** signature explains step by step how the signature of a delivery is made. The page has no auth token. */
  signature(d) {
    const sorted = d.method === "GET" ? [] : pairs(d.params).sort(([a], [b]) => (a < b ? -1 : 1));
    const signed = d.url + sorted.flat().join("");
    const steps = [
      ["Take the URL exactly as it was called", d.method === "GET" ? ": a GET has the parameters in its query." : ", with its query.", el("pre", {}, d.url)],
      d.method !== "GET" && ["Sort the parameters by name, and append the name and the decoded value of each, with nothing between them.",
        el("pre", { class: "parts" }, sorted.map(([name, text]) => el("div", {}, el("strong", {}, name), text)))],
      [`The result is the string that is signed, ${number(new TextEncoder().encode(signed).length)} bytes of UTF-8.`,
        el("pre", { class: "signed" }, signed), button("Copy the string", () => copy(signed, "the string that was signed"))],
      ["Compute its HMAC-SHA1. The key is the auth token of the account ", el("code", {}, d.params.AccountSid[0]), ", which the flag -auth-token sets and this page never shows. The secret of an API key will not do."],
      ["Encode the 20 bytes in base64. That is X-Twilio-Signature.", el("pre", { class: "result" }, d.header["X-Twilio-Signature"][0])],
    ];
    return [el("h3", {}, "Signature"), el("ol", { class: "steps" }, steps.filter(Boolean).map((step) => el("li", {}, step)))];
  },

  curl: (d) => curlCommand(d.method, d.url, [], pairs(d.header), d.method === "GET" ? {} : d.params),

  async repeat({ id }) {
    await post("deliveries/repeat", { id });
    say("The event is delivered once more.");
    await refresh();
  },
};

// Faults

const headerLines = (f) => Object.entries(f.header ?? {}).map(([name, value]) => `${name}: ${[value].flat().join(", ")}`);

/** effects tells what a fault does, in the order in which it happens. */
function effects(f) {
  return [
    f.delay && !f.commit && `after ${f.delay}`,
    f.commit && "performed",
    f.delay && f.commit && `then after ${f.delay}`,
    f.drop ? "connection closed" : f.status && `status ${f.status}`,
    f.code && `code ${f.code}`,
    f.truncate && "cut short",
    ...headerLines(f),
  ].filter(Boolean).join(", ") || (f.body ? "another body" : "as usual");
}

function faultFacts(f) {
  return facts(["Effect", effects(f)], ["Message", f.message], ["Body", f.body]);
}

const operationName = (operation) => (operation === "*" ? "Any operation" : operation);

const faults = {
  poll() {
    return this.refresh();
  },

  async refresh() {
    const shown = status.faults.map((f, i) => ({ ...f, key: String(i) }));
    sync(byID("faults-rows"), shown, (f) => f.key, (f) => el("div", { class: "row" },
      el("span", { class: "mono" }, f.times < 0 ? "always" : `${f.times} ×`),
      el("span", { class: "title" }, operationName(f.operation)),
      el("span", {}),
      el("span", { class: "second" }, [effects(f), f.message, f.body].filter(Boolean).join(" · "))));
    byID("faults-empty").hidden = shown.length > 0;
  },

  async detail() {},

  script(fault = {}) {
    openDialog({
      title: "New fault",
      submit: "Script",
      fields: [
        [{ name: "operation", label: "Operation", type: "select", value: fault.operation ?? "*", options: ["*", ...status.operations, ...status.events].map((id) => [id, operationName(id)]) },
          { name: "times", label: "Requests", type: "number", value: fault.times ?? 1, hint: "-1 means all that follow." }],
        [{ name: "status", label: "Status", type: "number", min: 200, max: 599, value: fault.status, placeholder: "the operation’s own" }, { name: "code", label: "Error code", type: "number", value: fault.code, placeholder: "follows from the status" }],
        [{ name: "message", label: "Message", value: fault.message }, { name: "delay", label: "Delay", value: fault.delay, placeholder: "10s, 1m30s" }],
        { name: "body", label: "Body, instead of an error of the API’s", type: "textarea", value: fault.body },
        { name: "header", label: "Header, a line each", type: "textarea", value: Object.entries(fault.header ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n"), placeholder: "Retry-After: 2" },
        { name: "commit", label: "Perform the operation although its response is replaced", type: "checkbox", value: fault.commit },
        { name: "drop", label: "Close the connection instead of responding", type: "checkbox", value: fault.drop },
        { name: "truncate", label: "Send half of the response, then close the connection", type: "checkbox", value: fault.truncate },
      ],
      action: async ({ operation, header, times, status, code, ...rest }) => {
        const lines = header.split("\n").filter((line) => line.trim());
        const names = lines.map((line) => line.split(":")[0].trim());
        if (lines.some((line) => !line.includes(":"))) throw new Error("A header is a name, a colon and a value.");
        const fault = { ...rest, times: Number(times), status: Number(status), code: Number(code), header: Object.fromEntries(lines.map((line, i) => [names[i], line.slice(line.indexOf(":") + 1).trim()])) };
        await post("faults", { operation, faults: [Object.fromEntries(Object.entries(fault).filter(([, value]) => value))] });
        say("The fault applies from the next request on.");
        location.hash = "#faults";
      },
    });
  },
};

const presets = [
  ["Unavailable", "503 for the next two requests", { status: 503, times: 2 }],
  ["Too many requests", "429 with Retry-After: 1", { status: 429, header: { "Retry-After": "1" } }],
  ["Response lost", "The operation is performed, then the connection is closed", { operation: "createConversation", commit: true, drop: true }],
  ["Slow", "The usual response, after ten seconds", { delay: "10s" }],
  ["A proxy’s page", "502 with HTML in the place of JSON", { status: 502, body: "<html><h1>502 Bad Gateway</h1></html>" }],
  ["Cut short", "Half of the response, then the connection is closed", { truncate: true }],
];

// Display

const sections = { conversations, requests, webhooks, faults };

const place = () => {
  const [section, ...key] = location.hash.slice(1).split("/");
  return sections[section] ? { section, key: key.join("/") } : { section: "conversations", key: "" };
};

/** showDetail shows the item that the address names. */
async function showDetail() {
  if (pressing) return;
  const { section, key } = place();
  const root = byID(section);
  const article = root.querySelector(".detail");
  root.classList.toggle("chosen", key !== "");
  for (const row of root.querySelectorAll(".rows a")) {
    if (row.hash === `#${section}/${key}`) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  const detail = key === "" ? { source: "", nodes: () => [el("p", { class: "placeholder" }, `Choose a ${section.slice(0, -1)}.`)] } : await sections[section].detail(key);
  if (detail === undefined || section === "faults") return;
  if (pressing || place().section !== section || place().key !== key) return; // left meanwhile
  const { source, nodes } = detail ?? { source: "gone", nodes: () => [el("p", { class: "placeholder" }, `This ${section.slice(0, -1)} is gone.`)] };
  if (sources.get(article) === `${key} ${source}`) return;
  const focused = [...article.querySelectorAll("button, a")].indexOf(document.activeElement);
  const scroll = article.dataset.key === key ? article.scrollTop : 0;
  article.replaceChildren(el("a", { class: "back", href: `#${section}` }, "← Back to the list"), ...nodes());
  article.dataset.key = key;
  article.scrollTop = scroll;
  if (focused >= 0) article.querySelectorAll("button, a")[focused]?.focus();
  sources.set(article, `${key} ${source}`);
  retime(article);
}

async function refreshLogs() {
  await refreshStatus();
  await Promise.all([requests.fetch(), webhooks.fetch()]);
}

async function refresh() {
  await refreshLogs();
  await sections[place().section].refresh();
  await showDetail();
  clock.show();
}

async function poll() {
  if (!document.hidden) {
    try {
      await refreshLogs();
      await sections[place().section].poll();
      await showDetail();
      byID("offline").hidden = true;
    } catch (error) {
      byID("offline").hidden = !(error instanceof TypeError); // what fetch throws without a response
      if (!(error instanceof TypeError)) say(error.message);
    }
  }
  setTimeout(poll, 1000);
}

async function route() {
  const { section } = place();
  for (const name of Object.keys(sections)) byID(name).hidden = name !== section;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${section}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  await sections[section].refresh();
  await showDetail();
  clock.show();
}

// Events

addEventListener("hashchange", async (event) => {
  await attempt(route)();
  const { section, key } = place();
  const article = byID(section).querySelector(".detail");
  if (key && article.querySelector(".back")?.offsetParent) article.focus(); // a phone, where it took the list's place
  const left = new URL(event.oldURL).hash;
  if (!key) [...byID(section).querySelectorAll(".rows a")].find((row) => row.hash === left)?.focus();
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  (byID(place().section).querySelector(".rows a") ?? byID("main")).focus();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byID("dialog").open) return;
  const typing = event.target.matches("input, select, textarea");
  const { section, key } = place();
  if (event.key === "/" && !typing) {
    event.preventDefault();
    byID(section).querySelector("input[type=search]")?.focus();
  } else if (event.key === "Escape" && key && !typing) {
    location.hash = `#${section}`;
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches(".rows a")) {
    const row = event.target.parentElement;
    const to = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
    event.preventDefault();
    to?.querySelector("a").focus();
  }
});

const search = attempt(() => {
  conversations.cursors = [""];
  return conversations.refresh().then(clock.show);
});
let typing;
byID("conversations-filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 150);
});
for (const log of ["requests", "webhooks"]) {
  byID(`${log}-filter`).addEventListener("input", attempt(async () => {
    await sections[log].refresh();
    await showDetail();
  }));
}
for (const form of document.querySelectorAll("form.toolbar")) form.addEventListener("submit", (event) => event.preventDefault());

for (const advance of document.querySelectorAll("[data-advance]")) {
  advance.addEventListener("click", attempt(() => clock.advance(advance.dataset.advance)));
}
byID("next-timer").addEventListener("click", attempt(async () => {
  await refreshStatus();
  if (status.next_timer) await clock.advance(`${Math.max(1, Date.parse(status.next_timer) - Date.parse(status.now))}ms`);
}));
byID("advance").addEventListener("click", () => openDialog({
  title: "Advance the clock", submit: "Advance",
  fields: [{ name: "duration", label: "Duration", placeholder: "1h30m", required: true }],
  action: ({ duration }) => clock.advance(duration.trim()),
}));
byID("reset").addEventListener("click", () => openDialog({
  title: "Reset the emulator?", submit: "Reset", danger: true,
  text: "Removes all conversations, faults, requests and deliveries, and takes back what the clock was advanced.",
  action: async () => {
    await post("reset", {});
    conversations.cursors = [""];
    location.hash = `#${place().section}`;
    say("Reset.");
  },
}));
byID("newer").addEventListener("click", attempt(() => conversations.turn(false)));
byID("older").addEventListener("click", attempt(() => conversations.turn(true)));
byID("create").addEventListener("click", () => conversations.create());
byID("seed").addEventListener("click", () => conversations.seed());
byID("script").addEventListener("click", () => faults.script());
byID("presets").append(...presets.map(([title, text, fault]) => el("li", {}, button([title, el("small", {}, text)], () => faults.script(fault)))));

setInterval(clock.show, 1000);
await refreshStatus().catch(() => {});
attempt(route)();
poll();
