// The files that the remote side offers, sends and accepts, and the transfers of all of them.

import { byId } from "../dom.js";
import { FileBrowser } from "./browser.js";
import { ArchiveDownload, Download, Received } from "./download.js";
import { hasFolders } from "./dropped.js";
import { joined } from "./names.js";
import { FileSystem } from "./system.js";
import { Handed, Lanes, Put, Upload } from "./upload.js";

const FOLDERS = "Folders cannot be dropped here. Open Files to upload them.";

export class Files {
  constructor(session, signal) {
    this.session = session;
    this.systems = [];
    this.lines = new Set();
    this.browser = new FileBrowser(this, signal);
    byId("transfers").replaceChildren();
    byId("transfers-section").hidden = true;
    const on = (id, type, act) => byId(id).addEventListener(type, act, { signal });
    on("action-files", "click", () => this.open());
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
      const system = new FileSystem(object, name, tunnel);
      this.systems.push(system);
      object.onundefine = () => {
        this.systems = this.systems.filter((one) => one !== system);
        this.listSystems();
      };
      this.listSystems();
    };
    client.onfile = (stream, mimetype, name) => this.receive(stream, mimetype, name);
  }

  // The session has ended.
  close() {
    for (const line of this.lines) if (!line.isDone) line.lose("the session has ended");
    this.systems = [];
    byId("files-dialog").close();
    byId("preview-dialog").close();
    byId("ask-dialog").close();
    this.mark(false);
  }

  listSystems() {
    this.browser.listSystems();
    byId("action-files").hidden = !this.systems.length && !byId("transfers").childElementCount;
  }

  open() {
    this.session.controls.dialog("files-dialog", "files-title");
    this.browser.reload();
  }

  // Returns the file system of this name, to resume a transfer.
  current(name) {
    const system = this.systems.find((one) => one.name === name);
    if (!system) this.announce(`${name} is not available. Open the session again to resume.`);
    return system;
  }

  // ---- transfers

  // Says something where it is noticed.
  announce(text) {
    if (byId("files-dialog").open) byId("transfers-news").textContent = text;
    else this.session.toast(text);
  }

  // Follows a transfer; `then` is called at its end, with whether it has succeeded.
  follow(start, then = () => {}) {
    for (const line of this.lines) if (line.isDone && !line.canResume) this.lines.delete(line);
    const line = start((text, well) => {
      this.announce(text);
      then(well);
    });
    this.lines.add(line);
    byId("action-files").hidden = false;
    return line;
  }

  receive(stream, mimetype, name) {
    this.follow((ended) => new Received(name, null, mimetype, ended)).read(stream);
  }

  download(system, path, entry) {
    this.follow((ended) => new Download(system, path, entry, (name) => this.current(name), ended));
  }

  downloadArchive(system, folder, names, name) {
    this.follow((ended) => new ArchiveDownload(system, folder, names, name, ended));
  }

  // Sends files and folders that were chosen together to a folder.
  upload(system, folder, { name, files, folders }, then) {
    const { name: systemName } = system;
    const items = files.map(({ file, path }) => new Put(file, joined(folder, path)));
    const find = () => ({ lanes: this.lanes, system: this.current(systemName) });
    this.follow((ended) => new Upload(name, items, folders.map((path) => joined(folder, path)), find, ended), then);
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
    else for (const file of files) this.hand(file);
  }

  chosenForSession() {
    for (const file of byId("upload-chosen").files) this.hand(file);
    byId("upload-chosen").value = "";
    this.session.controls.close(true);
  }

  hand(file, then) {
    const find = () => ({ lanes: this.lanes });
    this.follow((ended) => new Upload(file.name, [new Handed(file)], [], find, ended), then);
  }

  // Puts files on the remote clipboard, if the session has one, and returns whether all of them have
  // arrived within a time in milliseconds. If not, the person has to paste them.
  async paste(files, limit) {
    const start = performance.now();
    const arrivals = [...files].map((file) => new Promise((done) => this.hand(file, done)));
    if (!(await Promise.all(arrivals)).every(Boolean)) return false;
    const isLate = performance.now() - start > limit;
    if (isLate) {
      const what = files.length > 1 ? `${files.length} files are` : `${files[0].name} is`;
      this.session.toast(`${what} on the remote clipboard and can be pasted there`);
    }
    return !isLate;
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
    if (hasFolders(event.dataTransfer)) this.session.toast(FOLDERS);
    else this.place(event.dataTransfer.files);
  }
}

