// The dialog in which the folders of the remote side are shown and changed.

import { byId, element } from "../dom.js";
import { ask } from "./ask.js";
import { chosenFiles, chosenFolder, dropped } from "./dropped.js";
import { List } from "./list.js";
import { baseName, inUnits, joined, parentOf, visible } from "./names.js";
import { Preview } from "./preview.js";

const NAMES_MAX = 100; // in one request for an archive
const NAMES_SIZE = 20_000; // characters of them
const quoted = (name) => `“${visible(name)}”`;
const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export class FileBrowser {
  // `files` starts the transfers.
  constructor(files, signal) {
    Object.assign(this, { files, path: "/", shown: null });
    this.preview = new Preview(signal);
    this.list = new List({
      open: ({ name }) => this.show(joined(this.path, name)),
      download: (entry) => this.downloadFile(entry),
      preview: (entry) => this.showPreview(entry),
      up: () => this.up(),
      rename: () => this.rename(),
      remove: () => this.remove(),
      selected: () => this.showTools(),
    }, signal);
    const on = (id, type, act) => byId(id).addEventListener(type, act, { signal });
    on("files-system", "change", () => this.show("/"));
    on("files-refresh", "click", () => this.reload());
    on("files-upload", "click", () => byId("files-chosen").click());
    on("files-upload-folder", "click", () => byId("files-chosen-folder").click());
    on("files-chosen", "change", (event) => this.chosen(event.target, chosenFiles));
    on("files-chosen-folder", "change", (event) => this.chosen(event.target, chosenFolder));
    on("files-new", "click", () => this.makeFolder());
    on("files-download", "click", () => this.download());
    on("files-rename", "click", () => this.rename());
    on("files-delete", "click", () => this.remove());
    on("files-dialog", "dragover", (event) => this.over(event));
    on("files-dialog", "dragleave", (event) => event.relatedTarget || this.mark(false));
    on("files-dialog", "drop", (event) => this.dropped(event));
    on("files-dialog", "close", () => this.mark(false));
  }

  get system() {
    return this.files.systems[byId("files-system").selectedIndex];
  }

  listSystems() {
    const box = byId("files-system");
    const before = box.value;
    const { systems } = this.files;
    box.replaceChildren(...systems.map(({ name }) => element("option", { textContent: visible(name), value: name })));
    if (systems.some(({ name }) => name === before)) box.value = before;
    else this.path = "/";
    box.hidden = systems.length < 2;
    byId("files-browser").hidden = !systems.length;
    if (byId("files-dialog").open && this.system !== this.shown) this.show(this.path);
  }

  say(text) {
    byId("files-status").textContent = text;
  }

  // ---- folders

  // Shows a folder; entries of these names are then selected. Without names, the selection stays.
  async show(path, names = null) {
    const { system } = this;
    if (!system) return;
    const isOther = path !== this.path || system !== this.shown;
    if (isOther) this.list.wait();
    if (isOther) this.say("Loading…");
    Object.assign(this, { path, shown: system });
    this.showPath();
    try {
      const { entries, cut } = await system.list(path);
      if (!this.isShown(system, path)) return;
      this.list.show(entries, names ?? (isOther ? [] : null));
      this.say(cut ? `Only the first ${entries.length} entries of this folder are shown.` : summary(entries));
    } catch (error) {
      if (!this.isShown(system, path)) return;
      this.list.show([], []);
      this.say(error.message);
    }
    this.showTools();
  }

  isShown(system, path) {
    return this.shown === system && this.system === system && this.path === path;
  }

  reload(names) {
    return this.show(this.path, names);
  }

  up() {
    if (this.path !== "/") this.show(parentOf(this.path), [baseName(this.path)]);
  }

  showPath() {
    const parts = this.path.split("/").filter(Boolean);
    const crumbs = parts.map((part, at) => [part, `/${parts.slice(0, at + 1).join("/")}`]);
    const buttons = [[this.system.name, "/"], ...crumbs].map(([name, path]) => {
      const button = element("button", { type: "button", textContent: visible(name), dir: "auto" });
      button.addEventListener("click", () => this.show(path));
      if (path === this.path) button.setAttribute("aria-current", "true");
      return button;
    });
    byId("files-path").replaceChildren(...buttons.flatMap((button, at) => (at ? ["/", button] : [button])));
  }

  showTools() {
    const { system } = this;
    if (!system) return;
    const { chosen } = this.list;
    const show = (id, feature, count = true) => {
      byId(id).hidden = !system.can(feature);
      byId(id).disabled = !count;
    };
    show("files-upload", "write");
    const takesFolders = system.can("write") && system.can("make-directory");
    byId("files-upload-folder").hidden = !takesFolders || !("webkitdirectory" in byId("files-chosen-folder"));
    show("files-new", "make-directory");
    show("files-download", "read", chosen.length > 0);
    show("files-rename", "rename", chosen.length === 1);
    show("files-delete", "delete", chosen.length > 0);
    byId("files-selection").textContent = chosen.length ? `${chosen.length} selected` : "";
  }

  // ---- downloads

  downloadFile(entry) {
    this.files.download(this.system, joined(this.path, entry.name), entry);
  }

  showPreview(entry) {
    this.preview.show(this.system, joined(this.path, entry.name), entry, () => this.downloadFile(entry));
  }

  download() {
    const { chosen, entries } = this.list;
    if (chosen.length === 1 && !chosen[0].directory) {
      this.downloadFile(chosen[0]);
      return;
    }
    const names = chosen.length === entries.length ? [] : chosen.map(({ name }) => name);
    if (names.length > NAMES_MAX || names.join("").length > NAMES_SIZE) {
      this.say(`At most ${NAMES_MAX} items can be downloaded at a time. Select fewer, or all of them.`);
      return;
    }
    const name = chosen.length === 1 ? chosen[0].name : baseName(this.path) || this.system.name;
    this.files.downloadArchive(this.system, this.path, names, name);
  }

  // ---- uploads

  async chosen(input, groups) {
    const files = [...input.files];
    input.value = "";
    await this.upload(() => groups(files));
  }

  // `find` returns what is to be uploaded.
  async upload(find) {
    const { system, path } = this;
    try {
      const groups = await find();
      for (const group of await this.withoutExisting(groups)) {
        this.files.upload(system, path, group, () => this.isShown(system, path) && this.reloadSoon());
      }
    } catch (error) {
      this.say(error.message);
    }
  }

  // Asks whether to replace what exists.
  async withoutExisting(groups) {
    const names = new Set(this.list.entries.map(({ name }) => name));
    const existing = groups.filter(({ name }) => names.has(name));
    if (!existing.length) return groups;
    const one = existing.length === 1;
    const answer = await ask({
      title: one ? `Replace ${quoted(existing[0].name)}?` : `Replace ${existing.length} items?`,
      text: `${one ? "It exists" : "They exist"} already. In folders, files of the same name are replaced.`,
      action: "Replace",
      other: groups.length > existing.length ? "Skip" : "",
      isDanger: true,
    });
    if (answer === "do") return groups;
    return answer === "other" ? groups.filter(({ name }) => !names.has(name)) : [];
  }

  reloadSoon() {
    clearTimeout(this.reloading);
    this.reloading = setTimeout(() => byId("files-dialog").open && this.reload(), 100);
  }

  over(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    const accepts = Boolean(this.system?.can("write"));
    event.dataTransfer.dropEffect = accepts ? "copy" : "none";
    this.mark(accepts);
  }

  mark(dropping) {
    byId("files-browser").classList.toggle("dropping", dropping);
  }

  dropped(event) {
    event.preventDefault();
    this.mark(false);
    if (!this.system?.can("write")) return;
    const groups = dropped(event.dataTransfer);
    this.upload(() => groups);
  }

  // ---- changes

  async makeFolder() {
    const name = await ask({ title: "New folder", value: "", action: "Create" });
    if (name) await this.change(() => this.system.ask("make-directory", joined(this.path, name)), [name]);
  }

  async rename() {
    const [entry, ...others] = this.list.chosen;
    if (!entry || others.length || !this.system.can("rename")) return;
    const name = await ask({ title: `Rename ${quoted(entry.name)}`, value: entry.name, action: "Rename" });
    if (!name || name === entry.name) return;
    const [from, to] = [entry.name, name].map((one) => joined(this.path, one));
    await this.change(() => this.system.ask("rename", from, to), [name]);
  }

  async remove() {
    const { chosen } = this.list;
    if (!chosen.length || !this.system.can("delete")) return;
    const what = chosen.length === 1 ? quoted(chosen[0].name) : `${chosen.length} items`;
    const folders = chosen.some(({ directory }) => directory) ? "Folders are deleted with everything in them. " : "";
    const answer = await ask({
      title: `Delete ${what}?`, text: `${folders}This cannot be undone.`, action: "Delete", isDanger: true,
    });
    if (!answer) return;
    this.say("Deleting…");
    await this.change(async () => {
      for (const { name } of chosen) await this.system.ask("delete", joined(this.path, name));
    }, []);
  }

  // Shows the folder after a change, and what went wrong.
  async change(act, names) {
    let problem = "";
    try {
      await act();
    } catch (error) {
      problem = error.message;
    }
    await this.reload(problem ? null : names);
    if (problem) this.say(problem);
  }
}

function summary(entries) {
  if (!entries.length) return "This folder is empty.";
  const folders = entries.filter(({ directory }) => directory).length;
  const files = entries.length - folders;
  const size = entries.reduce((sum, entry) => sum + (entry.size ?? 0), 0);
  const parts = [
    folders && counted(folders, "folder", "folders"),
    files && `${counted(files, "file", "files")}${size ? `, ${inUnits(size)}` : ""}`,
  ];
  return parts.filter(Boolean).join(", ");
}
