// The files that the remote side offers, sends and accepts.

import { byId, element } from "./dom.js";
import { readText } from "./streams.js";
import { download, ERROR_TYPE, Lanes, refusal, upload } from "./transfers.js";

const INDEX_TYPE = "application/vnd.glyptodon.guacamole.stream-index+json";
const ANY_TYPE = "application/octet-stream";
const ICONS = {
  folder: "M2.500 5.500v10h15v-8h-7.500l-2-2z",
  file: "M5 2.500h6.500l3.500 3.500v11.500h-10zM11.500 2.500v3.500h3.500",
};
const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);
const byName = new Intl.Collator(undefined, { numeric: true });

export class Files {
  constructor(session, signal) {
    this.session = session;
    this.systems = []; // { object, name }
    this.running = new Set();
    this.path = "/";
    const on = (id, type, act) => byId(id).addEventListener(type, act, { signal });
    on("action-files", "click", () => this.open());
    on("files-upload", "click", () => byId("files-chosen").click());
    on("files-chosen", "change", () => this.chosen());
    on("files-system", "change", () => this.show("/"));
    on("action-upload", "click", () => byId("upload-chosen").click());
    on("upload-chosen", "change", () => this.chosenForSession());
    on("session", "dragover", (event) => this.over(event));
    on("session", "dragleave", () => this.mark(false));
    on("session", "drop", (event) => this.dropped(event));
  }

  attach(client, tunnel) {
    this.lanes = new Lanes(client, tunnel);
    this.systems = [];
    this.listSystems();
    this.want(false);
    client.onfilesystem = (object, name) => {
      this.systems.push({ object, name });
      this.watch(object);
      object.onundefine = () => {
        this.systems = this.systems.filter((system) => system.object !== object);
        this.listSystems();
      };
      this.listSystems();
    };
    client.onfile = (stream, mimetype, name) => this.receive(stream, mimetype, name);
  }

  // The error of an incomplete file arrives before its end, which would mean that it is complete.
  watch(object) {
    const deliver = object.onbody;
    object.onbody = (stream, mimetype, path) => {
      const broken = [...this.running].find((transfer) => transfer.source === object && transfer.path === path);
      if (mimetype === ERROR_TYPE && broken) broken.breakOff(stream);
      else deliver(stream, mimetype, path);
    };
  }

  // The session has ended.
  close() {
    for (const transfer of [...this.running]) {
      transfer.stop = () => {};
      transfer.fail("the session has ended");
    }
    byId("files-dialog").close();
    this.mark(false);
  }

  get system() {
    return this.systems[byId("files-system").selectedIndex];
  }

  listSystems() {
    const box = byId("files-system");
    box.replaceChildren(...this.systems.map(({ name }) => element("option", { textContent: name })));
    box.hidden = this.systems.length < 2;
    byId("files-browser").hidden = !this.systems.length;
    byId("action-files").hidden = !this.systems.length && !byId("transfers").childElementCount;
  }

  open() {
    this.session.controls.dialog("files-dialog", "files-title");
    if (this.system) this.show(this.path);
  }

  // ---- folders

  show(path) {
    const { object } = this.system;
    this.path = path;
    this.showPath();
    byId("files-list").replaceChildren();
    byId("files-status").textContent = "Loading…";
    object.requestInputStream(path, async (stream, mimetype) => {
      const error = await refusal(stream, mimetype);
      if (error) this.list(path, {}, error.message);
      else {
        readText(stream, (text) => this.parse(path, text), () => stream.sendAck("OK", 0));
        stream.sendAck("OK", 0);
      }
    });
  }

  showPath() {
    const parts = this.path.split("/").filter(Boolean);
    const crumbs = parts.map((part, at) => [part, `/${parts.slice(0, at + 1).join("/")}`]);
    const buttons = [[this.system.name, "/"], ...crumbs].map(([textContent, path]) => {
      const button = element("button", { type: "button", textContent });
      button.addEventListener("click", () => this.show(path));
      if (path === this.path) button.setAttribute("aria-current", "true");
      return button;
    });
    byId("files-path").replaceChildren(...buttons.flatMap((button, at) => (at ? ["/", button] : [button])));
  }

  parse(path, text) {
    try {
      this.list(path, JSON.parse(text));
    } catch {
      this.list(path, {}, "This folder could not be read completely. Open it again.");
    }
  }

  list(path, index, problem) {
    if (path !== this.path) return; // another folder has been opened
    const rank = ([name, type]) => [type === INDEX_TYPE ? 0 : 1, baseName(name)];
    const entries = Object.entries(index).sort((one, other) => {
      const [a, b] = [rank(one), rank(other)];
      return a[0] - b[0] || byName.compare(a[1], b[1]);
    });
    byId("files-list").replaceChildren(...entries.map(([name, type]) => this.line(name, type === INDEX_TYPE)));
    byId("files-status").textContent = problem ?? (entries.length ? "" : "This folder is empty.");
  }

  line(path, isFolder) {
    const button = element("button", { type: "button" });
    button.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${isFolder ? ICONS.folder : ICONS.file}"/></svg>`;
    button.append(element("span", { textContent: baseName(path) }));
    button.setAttribute("aria-label", `${isFolder ? "Open" : "Download"} ${baseName(path)}`);
    button.addEventListener("click", () => (isFolder ? this.show(path) : this.fetch(path)));
    const line = element("li");
    line.append(button);
    return line;
  }

  // ---- transfers

  fetch(path) {
    const { object } = this.system;
    object.requestInputStream(path, async (stream, mimetype) => {
      const error = await refusal(stream, mimetype);
      if (error) byId("files-status").textContent = error.message;
      else Object.assign(this.receive(stream, mimetype, baseName(path)), { source: object, path });
    });
  }

  receive(stream, mimetype, name) {
    return this.follow((ended) => download(stream, mimetype, name, ended));
  }

  chosen() {
    const { object } = this.system;
    const folder = this.path === "/" ? "" : this.path;
    for (const file of byId("files-chosen").files) {
      const open = (stream) => ["put", object.index, stream, file.type || ANY_TYPE, `${folder}/${file.name}`];
      this.follow((ended) => upload(this.lanes, open, file, ended), () => this.system && this.show(this.path));
    }
    byId("files-chosen").value = "";
  }

  // Starts a transfer, and shows its result if its line is not visible. `shown` is called if it is, and
  // the transfer has succeeded; `ended` in any case, with whether it has.
  follow(start, shown = () => {}, ended = () => {}) {
    const transfer = start((text, well) => {
      this.running.delete(transfer);
      if (!byId("files-dialog").open) this.session.toast(text);
      else if (well) shown();
      ended(well);
    });
    this.running.add(transfer);
    byId("action-files").hidden = false;
    return transfer;
  }

  // ---- files for the session itself

  // The bar shows an upload button while the remote side waits for a file; keys still go to the
  // remote side.
  want(wanted) {
    const { controls } = this.session;
    const button = byId("action-upload");
    if (button.hidden !== wanted) return;
    const focused = byId("bar").contains(document.activeElement);
    button.hidden = !wanted;
    if (wanted) controls.show(true);
    else controls.close(focused);
  }

  // Files that were dropped on the screen.
  place(files) {
    if (this.session.watches) this.session.toast("Nothing is sent in View only");
    else if (this.session.clipboard.terms.files) this.paste(files, 0);
    else this.offer(files);
  }

  chosenForSession() {
    this.offer(byId("upload-chosen").files);
    byId("upload-chosen").value = "";
    this.session.controls.close(true);
  }

  offer(files, then = () => {}) {
    for (const file of files) {
      const open = (stream) => ["file", stream, file.type || ANY_TYPE, file.name];
      this.follow((ended) => upload(this.lanes, open, file, ended), undefined, then);
    }
  }

  // Puts files on the remote clipboard, if the session has one, and returns whether all of them have
  // arrived within a time in milliseconds. If not, the person has to paste them.
  async paste(files, limit) {
    const start = performance.now();
    const arrivals = [...files].map((file) => new Promise((done) => this.offer([file], done)));
    if (!(await Promise.all(arrivals)).every(Boolean)) return false;
    await this.roundTrip();
    const isLate = performance.now() - start > limit;
    if (isLate) {
      const what = files.length > 1 ? `${files.length} files are` : `${files[0].name} is`;
      this.session.toast(`${what} on the remote clipboard and can be pasted there`);
    }
    return !isLate;
  }

  // The end of a file is not acknowledged; the answer to what is sent after it shows that it has arrived.
  roundTrip() {
    return new Promise((done) => this.session.texts.send("argv", ["text/plain", ""], "", done));
  }

  over(event) {
    if (!this.session.connected || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.mark(true);
  }

  mark(dropping) {
    byId("screen").classList.toggle("dropping", dropping);
  }

  dropped(event) {
    this.mark(false);
    if (!this.session.connected || !event.dataTransfer.files.length) return;
    event.preventDefault();
    this.place(event.dataTransfer.files);
  }
}
