// The page of operators: the daemon, its workers and sessions, and what may be done with them.
//
//   admin                the page; it asks for a token
//   admin#token=TOKEN    the same with a token, which leaves the address at once

import { byId, element, sentence } from "./dom.js";
import { inUnits, visible } from "./files/names.js";
import { Operations, RELOAD_TIMEOUT, sessionPath } from "./operations.js";
import { Rows } from "./rows.js";
import { Sorting } from "./sorting.js";
import { clock } from "./times.js";
import { Watching } from "./watching.js";

const TOKEN_KEY = "guacr-operator-token";
const PERIOD = 3000; // milliseconds between two looks at the daemon
const PERIOD_MAX = 30_000; // the same, while it does not answer
const PAGE = 100; // sessions that are shown, and more of them each time
const PAGE_MAX = 1000;
const TYPING = 250; // milliseconds without a key after which filters apply
const FILTERS = {
  protocol: "Protocol", host: "Host", username: "User name", connection: "Connection", client: "Client",
  subject: "Person", worker: "Worker",
};
const NONE = "–";

const shown = (text) => (text ? visible(text) : NONE);
const perSecond = (bytes) => (bytes === undefined ? "" : `${inUnits(bytes)}/s`);

// Returns what a session is with: the configured connection, or the remote host.
function nameOf({ connection, username, host, protocol }) {
  const place = username && host ? `${username}@${host}` : host;
  return visible(connection || place || protocol);
}

// Returns rates in bytes per second, from the totals of two looks.
class Rates {
  constructor() {
    this.before = new Map();
  }

  add(items, now) {
    const rated = items.map((item) => {
      const old = this.before.get(item.id);
      const seconds = old ? (now - old.now) / 1000 : 0;
      const rate = (name) => (seconds > 0 ? Math.max(item[name] - old[name], 0) / seconds : undefined);
      return { ...item, receiving: rate("received"), sending: rate("sent") };
    });
    this.before = new Map(items.map(({ id, received, sent }) => [id, { received, sent, now }]));
    return rated;
  }
}

class Console {
  constructor() {
    this.operations = null;
    this.selected = null; // the id of the session in the dialog
    this.sessions = new Map();
    this.watching = new Watching();
    this.listen();
    const length = ({ since }) => clock(Math.max(this.operations.now - since, 0) * 1000);
    this.workerRows = new Rows(byId("workers"), [
      { text: ({ name, pid }) => (name ? `${name} (pid ${pid})` : `pid ${pid}`) },
      { text: ({ state }) => state },
      { text: ({ sessions }) => String(sessions), className: "number" },
      { text: ({ users }) => String(users), className: "number" },
      { text: ({ loop_lag: lag }) => `${Math.round(lag * 1000)} ms`, className: "number wide" },
      { text: ({ memory }) => (memory ? inUnits(memory) : NONE), className: "number wide" },
      { text: length, className: "number wide" },
    ]);
    this.sessionRows = new Rows(byId("sessions-list"), [
      { text: nameOf },
      { text: ({ protocol }) => shown(protocol), className: "wide" },
      { text: ({ subject }) => shown(subject) }, // not the name, which clients give themselves
      { text: ({ client }) => shown(client), className: "widest" },
      { text: ({ users }) => String(users.length), className: "number wide" },
      { text: length, className: "number wide" },
      { text: ({ sending }) => perSecond(sending), className: "number" },
      { text: ({ receiving }) => perSecond(receiving), className: "number wide" },
      { text: ({ worker }) => worker || NONE, className: "number widest" },
    ], (id) => this.select(id));
    this.sorting = new Sorting(byId("sessions"), [
      nameOf,
      ({ protocol }) => protocol,
      ({ subject }) => subject,
      ({ client }) => client,
      ({ users }) => users.length,
      ({ since }) => -since,
      ({ sending = 0 }) => sending,
      ({ receiving = 0 }) => receiving,
      ({ worker }) => worker,
    ], () => this.sessionRows.show(this.sorting.sorted([...this.sessions.values()])));
    this.userRows = new Rows(byId("users"), [
      { text: ({ name }) => shown(name) },
      { text: ({ client }) => shown(client) },
      { text: ({ subject }) => shown(subject) },
      { text: ({ owner, read_only: readOnly }) => (owner ? "owner" : readOnly ? "view only" : "user") },
      { text: length, className: "number" },
      { text: ({ received }) => inUnits(received), className: "number" },
      { text: ({ sent }) => inUnits(sent), className: "number" },
    ]);
  }

  listen() {
    const on = (id, event, act) => byId(id).addEventListener(event, act);
    on("login", "submit", (event) => this.submit(event));
    on("log-out", "click", () => this.logOut());
    on("drain", "click", () => this.confirm("Drain the daemon?", "It opens no more sessions. Running sessions go on.", "Drain", () => this.act("v1/drain", "The daemon is draining.")));
    on("resume", "click", () => this.act("v1/resume", "The daemon opens sessions again."));
    on("reload", "click", () => this.confirm("Read the settings again?", "New settings apply to everything that starts from now on.", "Reload", () => this.reload()));
    on("search", "input", () => this.filter());
    for (const [name, title] of Object.entries(FILTERS)) byId("filter-fields").append(this.filterField(name, title));
    on("more", "click", () => this.showMore());
    on("watch", "click", () => this.watch());
    on("end", "click", () => this.askToEnd());
    on("end-form", "submit", () => this.end());
    on("confirm-form", "submit", () => this.confirmed());
    on("session-dialog", "close", () => (this.selected = null));
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("hashchange", () => this.begin());
  }

  filterField(name, title) {
    const field = element("div", { className: "field" });
    const input = element("input", {
      id: `filter-${name}`, type: "text", maxLength: 256, autocomplete: "off", spellcheck: false,
    });
    input.addEventListener("input", () => this.filter());
    field.append(element("label", { htmlFor: input.id, textContent: title }), input);
    return field;
  }

  // ---- the operator

  // A token in the address leaves it, so that it is not in a screenshot or a copied link.
  begin() {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) history.replaceState(null, "", location.pathname + location.search);
    const token = given || sessionStorage.getItem(TOKEN_KEY);
    if (token) this.logIn(token);
    else this.logOut();
  }

  submit(event) {
    event.preventDefault();
    this.logIn(byId("token").value.trim());
    byId("token").value = "";
  }

  async logIn(token) {
    this.stop();
    const operations = new Operations(token);
    let operator;
    try {
      operator = await operations.read("operator");
    } catch (error) {
      this.logOut(sentence(error.message), error.status === 401 || error.status === 403);
      return;
    }
    sessionStorage.setItem(TOKEN_KEY, token);
    this.operations = operations;
    this.limit = PAGE;
    this.rates = new Rates();
    const { rights } = operator;
    byId("operator-name").textContent = visible(operator.name);
    byId("daemon-actions").hidden = byId("end").hidden = !rights.includes("act");
    byId("watch").hidden = byId("announced").hidden = !rights.includes("watch");
    byId("announced").textContent = operator.announced
      ? "The owner of a session is told who watches it." : "The owner of a session is not told that you watch it.";
    this.trouble("");
    this.say("");
    byId("login").hidden = true;
    byId("console").hidden = byId("operator").hidden = false;
    byId("search").focus();
    this.look();
  }

  // Shows the form; the token is forgotten unless the daemon did not answer.
  logOut(reason = "", forgets = true) {
    this.stop();
    if (forgets) sessionStorage.removeItem(TOKEN_KEY);
    this.watching.stop();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    byId("login-error").textContent = reason;
    byId("plain-warning").hidden = isSecureContext;
    byId("console").hidden = byId("operator").hidden = true;
    byId("login").hidden = false;
    byId("token").focus();
  }

  // ---- looking at the daemon

  stop() {
    clearTimeout(this.timer);
    this.operations = null;
  }

  // Looks at the daemon now, and again and again while the page is visible.
  async look() {
    clearTimeout(this.timer);
    const { operations } = this;
    if (!operations || document.hidden) return;
    const turn = (this.turn = {}); // answers to older questions are ignored
    const query = this.query();
    try {
      const [status, part] = await Promise.all([operations.read("v1/status"), operations.read("v1/sessions", query)]);
      if (this.turn !== turn || this.operations !== operations) return;
      this.period = PERIOD;
      this.trouble("");
      this.showStatus(status);
      this.showSessions(part, Object.keys(query).length > 1);
    } catch (error) {
      if (this.turn !== turn || this.operations !== operations) return;
      if (error.status === 401) return this.logOut(sentence(error.message));
      this.period = Math.min((this.period ?? PERIOD) * 2, PERIOD_MAX);
      this.trouble(sentence(error.message));
    }
    this.timer = setTimeout(() => this.look(), this.period);
  }

  query() {
    const query = { limit: this.limit };
    const search = byId("search").value.trim();
    if (search) query.search = search;
    let count = 0;
    for (const name of Object.keys(FILTERS)) {
      const text = byId(`filter-${name}`).value.trim();
      if (text) query[name] = text;
      if (text) count += 1;
    }
    const summary = byId("filters").querySelector("summary");
    summary.textContent = count ? `Filters (${count})` : "Filters";
    summary.classList.toggle("active", count > 0);
    return query;
  }

  filter() {
    clearTimeout(this.timer);
    this.limit = PAGE;
    this.timer = setTimeout(() => this.look(), TYPING);
  }

  showMore() {
    this.limit = Math.min(this.limit + PAGE, PAGE_MAX);
    this.look();
  }

  showStatus({ state, not_ready: reasons, version, workers }) {
    const sum = (name) => String(workers.reduce((total, worker) => total + worker[name], 0));
    byId("state").textContent = state === "ready" && reasons.length ? "not ready" : state;
    byId("version").textContent = version;
    byId("sessions-count").textContent = sum("sessions");
    byId("users-count").textContent = sum("users");
    const items = reasons.map((reason) => element("li", { textContent: sentence(reason) }));
    const before = [...byId("reasons").children].map(({ textContent }) => textContent).join();
    if (before !== items.map(({ textContent }) => textContent).join()) byId("reasons").replaceChildren(...items);
    byId("drain").hidden = state === "draining";
    byId("resume").hidden = state !== "draining";
    this.workerRows.show(workers.map((worker) => ({ ...worker, id: worker.name })));
  }

  showSessions({ sessions, total }, isFiltered) {
    const rated = this.rates.add(sessions, performance.now());
    this.sessions = new Map(rated.map((session) => [session.id, session]));
    this.sessionRows.show(this.sorting.sorted(rated));
    byId("sessions-box").hidden = !rated.length;
    byId("more").hidden = total <= rated.length || this.limit >= PAGE_MAX;
    let note = "";
    if (!total) note = isFiltered ? "No session matches." : "There are no sessions.";
    else if (total > rated.length) note = `The oldest ${rated.length} of ${total} sessions are shown.`;
    else if (isFiltered) note = `${total} ${total === 1 ? "session matches" : "sessions match"}.`;
    if (byId("sessions-note").textContent !== note) byId("sessions-note").textContent = note;
    if (this.selected) this.showSelected();
  }

  // ---- one session

  select(id) {
    this.selected = id;
    byId("session-error").textContent = "";
    this.showSelected();
    byId("session-dialog").showModal();
    byId("session-title").focus();
  }

  async showSelected() {
    const id = this.selected;
    let session = this.sessions.get(id);
    try {
      session ??= (await this.operations.read("v1/sessions", { search: id, limit: 1 })).sessions[0]; // a filter may hide it
    } catch {
      return; // the next look says why
    }
    if (this.selected !== id) return;
    byId("session-gone").hidden = Boolean(session);
    byId("end").disabled = byId("watch").disabled = !session;
    if (!session) return;
    byId("session-title").textContent = nameOf(session);
    const facts = {
      Id: session.id, Protocol: session.protocol, Host: session.host, "User name": session.username,
      Connection: session.connection, Client: session.client, Person: session.subject, Worker: session.worker,
      "From users": inUnits(session.received), "To users": inUnits(session.sent),
    };
    byId("session-facts").replaceChildren(...Object.entries(facts).filter(([, value]) => value).map(([name, value]) => {
      const fact = element("div");
      fact.append(element("dt", { textContent: name }), element("dd", { textContent: visible(value) }));
      return fact;
    }));
    this.userRows.show(session.users);
  }

  async watch() {
    const { operations, selected: id } = this;
    const title = byId("session-title").textContent;
    try {
      const { token } = await operations.act(`${sessionPath(id)}/watch`);
      if (this.operations === operations && this.selected === id) this.watching.start(token, title);
    } catch (error) {
      byId("session-error").textContent = sentence(error.message);
    }
  }

  askToEnd() {
    this.ending = this.selected;
    byId("end-title").textContent = `End ${byId("session-title").textContent}?`;
    byId("end-dialog").showModal();
    byId("end-message").focus();
  }

  async end() {
    const { ending: id } = this;
    try {
      await this.operations.act(`${sessionPath(id)}/end`, { message: byId("end-message").value });
      byId("session-dialog").close();
      this.say("The session was ended.");
      this.look();
    } catch (error) {
      byId("session-error").textContent = sentence(error.message);
    }
  }

  // ---- the daemon

  confirm(title, text, button, act) {
    this.confirmed = act;
    byId("confirm-title").textContent = title;
    byId("confirm-text").textContent = text;
    byId("confirm-do").textContent = button;
    byId("confirm-dialog").showModal();
  }

  reload() {
    this.say("The settings are being read…");
    return this.act("v1/reload", "The settings were read again.", RELOAD_TIMEOUT);
  }

  async act(path, said, timeout) {
    try {
      const { need_restart: late = [], warnings = [] } = await this.operations.act(path, {}, timeout);
      const restart = late.length ? [`These need a restart: ${late.join(", ")}.`] : [];
      this.say([said, ...restart, ...warnings.map(sentence)].join(" "));
    } catch (error) {
      this.say(sentence(error.message));
    }
    this.look();
  }

  say(text) {
    byId("said").textContent = text;
  }

  trouble(text) {
    if (byId("trouble").textContent !== text) byId("trouble").textContent = text;
  }
}

byId("host").textContent = location.host;
new Console().begin();
