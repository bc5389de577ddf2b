// The page of recordings: their list, and one of them with its controls.
//
//   recordings                 the list; #token=TOKEN lets in, as everywhere
//   recordings#name=NAME       one recording; &at=SECONDS begins there

import { byId, element, sentence } from "./dom.js";
import { save } from "./files/download.js";
import { inUnits, inWords, visible } from "./files/names.js";
import { lines } from "./keytrack.js";
import { Playback } from "./playback.js";
import { Recording } from "./recording.js";
import { scaleDown } from "./scaling.js";
import { clock } from "./times.js";
import { skipUndecodable } from "./undecodable.js";

const API = "api/recordings";
const STEP = 5000; // milliseconds of an arrow key
const REFRESH = 1000; // milliseconds between two looks at a session that is still running
const PLAY = "M6 4l10 6-10 6z";
const PAUSE = "M6 4.500v11M14 4.500v11";
const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const TOKEN_KEY = "guacr-recordings-token";
const titles = new Map(); // of the recordings in the list, by name

// The token leaves the address, so that it is not in a screenshot or a copied link, and stays in this tab.
function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token) {
    sessionStorage.setItem(TOKEN_KEY, token);
    fragment.delete("token");
    history.replaceState(null, "", `${location.pathname}#${fragment}`);
  }
  return sessionStorage.getItem(TOKEN_KEY) ?? "";
}

class Library {
  constructor() {
    this.recordings = [];
    byId("host").textContent = location.host;
    byId("filter").addEventListener("input", () => this.list());
  }

  async show() {
    byId("library").hidden = false;
    byId("player").hidden = true;
    document.title = "Recordings";
    try {
      const response = await new Recording(API, takeToken()).request(API);
      const { recordings, note } = await response.json();
      this.recordings = recordings;
      for (const { name, title } of recordings) titles.set(name, title);
      byId("library-note").textContent = note;
      byId("library-status").textContent = recordings.length ? "" : "There are no recordings yet.";
    } catch (error) {
      this.recordings = [];
      byId("library-status").textContent = error.message;
    }
    byId("filter").hidden = !this.recordings.length;
    this.list();
  }

  list() {
    const wanted = byId("filter").value.trim().toLowerCase();
    const shown = this.recordings.filter((recording) => words(recording).toLowerCase().includes(wanted));
    byId("recordings").hidden = !shown.length;
    byId("recordings-list").replaceChildren(...shown.map((recording) => this.row(recording)));
    if (this.recordings.length) byId("library-status").textContent = shown.length ? "" : "No recording has that in its row.";
  }

  row(recording) {
    const { name, title, running, begun, duration, size } = recording;
    const row = element("tr", { role: "row" });
    const link = element("a", { textContent: visible(title), href: `#${new URLSearchParams({ name })}` });
    const cell = (textContent, className = "") => element("td", { role: "cell", className, textContent });
    const first = cell("");
    first.append(link);
    if (running) first.append(" ", element("span", { className: "chip", textContent: "Running" }));
    const about = aboutSession(recording);
    if (about) first.append(element("span", { className: "about", textContent: about }));
    row.append(
      first,
      cell(inWords(begun)),
      cell(duration === null ? "" : clock(duration), "number"),
      cell(inUnits(size), "number"),
    );
    return row;
  }
}

// The person, the protocol and the host of a session, as far as they are known.
function aboutSession({ subject, protocol, host }) {
  return [subject, protocol, host].filter(Boolean).map(visible).join(" · ");
}

// What the filter looks at.
function words(recording) {
  return `${recording.title} ${aboutSession(recording)}`;
}

class Player {
  constructor(name, at) {
    this.name = name;
    this.at = at;
    this.stop = new AbortController();
    byId("library").hidden = true;
    byId("player").hidden = false;
    byId("title").textContent = document.title = visible(titles.get(name) ?? name);
    byId("side").hidden = true;
    this.trouble("");
    this.recording = new Recording(`${API}/${encodeURIComponent(name)}`, takeToken());
    this.open();
  }

  async open() {
    try {
      await this.recording.load();
    } catch (error) {
      this.trouble(error.message);
      return;
    }
    if (this.stop.signal.aborted) return;
    this.playback = new Playback(this.recording, {
      shown: (display) => this.shown(display),
      moved: (time) => this.moved(time),
      changed: () => this.changed(),
      failed: (error) => this.trouble(error.message),
      skipped: () => this.skipped(),
    });
    this.shown(this.playback.stage.display);
    this.listen();
    this.refreshed();
    await this.playback.seek(this.at);
    this.playback.play();
    this.refresh();
  }

  // ---- controls

  listen() {
    const { signal } = this.stop;
    const on = (id, event, act) => byId(id).addEventListener(event, act, { signal });
    on("play", "click", () => this.toggle());
    on("stage", "click", () => this.toggle());
    on("position", "input", () => this.seek(Number(byId("position").value)));
    on("speed", "change", () => (this.playback.speed = Number(byId("speed").value)));
    on("skip", "change", () => (this.playback.skipsPauses = byId("skip").checked));
    on("follow", "change", () => this.setFollows(byId("follow").checked));
    on("fullscreen", "click", () => this.toggleFullScreen());
    on("download", "click", () => this.download());
    on("keys-toggle", "click", () => this.toggleKeys());
    on("search", "submit", (event) => this.search(event));
    addEventListener("keydown", (event) => this.keyDown(event), { signal });
    const observer = new ResizeObserver(() => {
      this.fit();
      this.drawActivity();
    });
    observer.observe(byId("stage"));
    signal.addEventListener("abort", () => observer.disconnect());
    byId("speed").value = "1";
    byId("skip").checked = byId("follow").checked = false;
  }

  keyDown(event) {
    const { key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || /INPUT|SELECT|BUTTON/.test(event.target.tagName)) return;
    const acts = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.seek(this.playback.position - STEP),
      ArrowRight: () => this.seek(this.playback.position + STEP),
      Home: () => this.seek(0),
      End: () => this.seek(this.playback.duration),
      "+": () => this.changeSpeed(1),
      "-": () => this.changeSpeed(-1),
    };
    if (!acts[key]) return;
    event.preventDefault();
    acts[key]();
  }

  toggle() {
    if (this.playback.isPlaying) this.playback.pause();
    else this.playback.play();
  }

  seek(time) {
    this.setFollows(false);
    this.playback.seek(time);
  }

  changeSpeed(steps) {
    const place = SPEEDS.indexOf(this.playback.speed) + steps;
    const speed = SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)];
    this.playback.speed = speed;
    byId("speed").value = String(speed);
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else byId("player").requestFullscreen();
  }

  async download() {
    byId("download").disabled = true;
    try {
      save(await this.recording.whole(), document.title.split("/").at(-1));
    } catch (error) {
      this.trouble(error.message);
    }
    byId("download").disabled = false;
  }

  // ---- a session that is still running

  setFollows(follows) {
    byId("follow").checked = this.playback.follows = follows && this.recording.index.live;
    if (!this.playback.follows) return;
    this.playback.seek(this.playback.duration);
    this.playback.play();
  }

  refresh() {
    if (!this.recording.index.live) return;
    this.timer = setTimeout(async () => {
      try {
        await this.recording.load();
      } catch (error) {
        this.trouble(error.message);
      }
      if (this.stop.signal.aborted) return;
      this.refreshed();
      this.refresh();
    }, REFRESH);
  }

  refreshed() {
    const { live, keys, text, duration, damage } = this.recording.index;
    if (damage) this.trouble(sentence(damage));
    byId("live").hidden = byId("follow-row").hidden = !live;
    if (!live) this.playback.follows = false;
    byId("keys-toggle").hidden = !keys.length;
    byId("search").hidden = !text;
    byId("position").max = String(Math.max(duration, 1));
    this.moved(this.playback.position);
    this.drawActivity();
    if (!byId("side").hidden && byId("keys-toggle").ariaPressed === "true") this.showKeys();
  }

  // ---- what is shown

  shown(display) {
    byId("display").replaceChildren(display.getElement());
    this.display = display;
    display.onresize = () => this.fit();
    this.fit();
  }

  fit() {
    scaleDown(this.display, byId("stage"));
  }

  moved(time) {
    const { duration } = this.recording.index;
    byId("position").value = String(time);
    byId("position").setAttribute("aria-valuetext", `${clock(time)} of ${clock(duration)}`);
    byId("time").textContent = `${clock(time)} / ${clock(duration)}`;
    this.markCurrent(time);
  }

  changed() {
    const { isPlaying } = this.playback;
    byId("play-shape").setAttribute("d", isPlaying ? PAUSE : PLAY);
    const name = isPlaying ? "Pause" : "Play";
    byId("play").ariaLabel = name;
    byId("play").title = `${name} (Space)`;
  }

  // Draws how much has changed on the screen in the course of the session.
  drawActivity() {
    const canvas = byId("activity");
    const width = (canvas.width = Math.round(canvas.clientWidth * devicePixelRatio));
    const height = (canvas.height = Math.round(20 * devicePixelRatio));
    const { duration, size } = this.recording.index;
    const points = [...this.recording.index.points, [duration, size]];
    const column = (time) => Math.min(Math.floor((time / Math.max(duration, 1)) * width), width - 1);
    const columns = new Float64Array(Math.max(width, 1));
    for (let at = 1; at < points.length; at += 1) {
      const [before, after] = [points[at - 1], points[at]];
      const [first, last] = [column(before[0]), column(after[0])];
      const amount = (after[1] - before[1]) / (last - first + 1);
      for (let place = first; place <= last; place += 1) columns[place] += amount;
    }
    const most = Math.log1p(Math.max(...columns, 1));
    const context = canvas.getContext("2d");
    context.fillStyle = "#56605a";
    columns.forEach((amount, column) => {
      const tall = Math.round((Math.log1p(amount) / most) * height);
      context.fillRect(column, height - tall, 1, tall);
    });
  }

  // Says that something is missing in the picture, unless more is wrong.
  skipped() {
    if (byId("trouble").hidden) this.trouble("A picture cannot be decoded: it is left out.");
  }

  trouble(text) {
    byId("trouble").textContent = text;
    byId("trouble").hidden = !text;
  }

  // ---- keys and text

  toggleKeys() {
    const shows = byId("keys-toggle").ariaPressed !== "true";
    byId("keys-toggle").ariaPressed = String(shows);
    byId("side").hidden = !shows;
    if (shows) this.showKeys();
  }

  showKeys() {
    this.list("Keys", lines(this.recording.index.keys));
  }

  async search(event) {
    event.preventDefault();
    const text = byId("search-text").value;
    if (!text) return;
    byId("keys-toggle").ariaPressed = "false";
    byId("side").hidden = false;
    try {
      const { found, until } = await this.recording.search(text);
      const limit = until === null ? "" : ` up to ${clock(until)}`;
      this.list(`“${text}”${found.length ? "" : " does not occur"}${limit}`, found.map(([time, line]) => ({ time, text: line })));
    } catch (error) {
      this.list(error.message, []);
    }
  }

  list(title, entries) {
    byId("side-title").textContent = title;
    this.entries = entries.map(({ time, text }) => {
      const button = element("button", { type: "button" });
      button.append(element("time", { textContent: clock(time) }), element("span", { className: "text", textContent: text }));
      button.addEventListener("click", () => this.seek(time));
      return { time, button };
    });
    byId("side-list").replaceChildren(...this.entries.map(({ button }) => {
      const item = element("li");
      item.append(button);
      return item;
    }));
    this.marked = null;
    this.markCurrent(this.playback.position);
  }

  // Marks the last entry before a time.
  markCurrent(time) {
    const entry = this.entries?.findLast((one) => one.time <= time);
    if (entry === this.marked) return;
    this.marked?.button.removeAttribute("aria-current");
    this.marked = entry;
    entry?.button.setAttribute("aria-current", "true");
    if (this.playback.isPlaying) entry?.button.scrollIntoView({ block: "nearest" });
  }

  end() {
    this.stop.abort();
    clearTimeout(this.timer);
    this.playback?.pause();
    byId("display").replaceChildren();
    byId("keys-toggle").ariaPressed = "false";
  }
}

const library = new Library();
let player = null;

function route() {
  player?.end();
  player = null;
  takeToken();
  const fragment = new URLSearchParams(location.hash.slice(1));
  const name = fragment.get("name");
  if (name) player = new Player(name, Number(fragment.get("at") ?? 0) * 1000 || 0);
  else library.show();
}

skipUndecodable(() => player?.skipped());
byId("back").addEventListener("click", () => (location.hash = ""));
addEventListener("hashchange", route);
route();
