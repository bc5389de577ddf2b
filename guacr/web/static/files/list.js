// The contents of a folder as a grid: sorted by any column, and operated by keys, pointer and touch.

import { byId, element } from "../dom.js";
import { inUnits, inWords, visible } from "./names.js";
import { canPreview } from "./preview.js";

const ROWS = 300; // that are added at a time: a folder may have thousands
const PAGE = 10; // rows of Page Up and Page Down
const TYPING_TIME = 800; // milliseconds within which letters belong to one name
const ICONS = {
  folder: "M2.500 5.500v10h15v-8h-7.500l-2-2z",
  file: "M5 2.500h6.500l3.500 3.500v11.500h-10zM11.500 2.500v3.500h3.500",
  preview: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 12.200a2.200 2.200 0 100-4.400 2.200 2.200 0 000 4.400",
};
const byName = new Intl.Collator(undefined, { numeric: true });
const ORDERS = {
  name: (a, b) => byName.compare(a.name, b.name),
  size: (a, b) => (a.size ?? -1) - (b.size ?? -1),
  modified: (a, b) => (a.modified ?? 0) - (b.modified ?? 0),
};

export class List {
  // `acts` has `open`, `download`, `preview` (called with an entry), `up`, `rename`, `remove` and
  // `selected`, which is called after the selection has changed.
  constructor(acts, signal) {
    Object.assign(this, { acts, entries: [], rows: [], selection: new Set(), at: 0, anchor: 0, typed: "" });
    this.order = { by: "name", descending: false };
    this.body = byId("files-rows");
    const on = (target, type, act) => target.addEventListener(type, act, { signal });
    on(this.body, "keydown", (event) => this.key(event));
    on(this.body, "click", (event) => this.click(event));
    on(byId("files-scroll"), "scroll", () => this.scrolled());
    on(byId("files-all"), "click", () => this.selectAll(byId("files-all").checked));
    for (const head of byId("files-list").querySelectorAll("[data-order]")) {
      on(head.querySelector("button"), "click", () => this.sort(head.dataset.order));
    }
  }

  // Another folder is on its way: until then, nothing can be done with the one that is shown.
  wait() {
    byId("files-list").setAttribute("aria-busy", "true");
    this.isWaiting = true;
  }

  // Shows a folder; entries of these names are selected. Without names, the selection stays.
  show(entries, names = null) {
    const content = JSON.stringify(entries);
    const isSame = content === this.content && !this.isWaiting;
    this.content = content;
    if (isSame && !names) return; // a click that has begun on a row is not lost
    const focused = this.body.contains(document.activeElement);
    const before = this.entries[this.at]?.name;
    byId("files-list").removeAttribute("aria-busy");
    this.isWaiting = false;
    const chosen = new Set(names ?? this.chosen.map(({ name }) => name));
    this.entries = entries;
    this.arrange();
    this.selection = new Set(entries.filter(({ name }) => chosen.has(name)));
    this.at = Math.max(this.entries.findIndex(({ name }) => (names?.length ? chosen.has(name) : name === before)), 0);
    this.render();
    if (focused || names?.length) this.focus();
  }

  sort(by) {
    const { order } = this;
    this.order = { by, descending: order.by === by && !order.descending };
    this.arrange();
    this.at = this.anchor = 0;
    this.render();
  }

  arrange() {
    const { by, descending } = this.order;
    const sign = descending ? -1 : 1;
    const compare = ORDERS[by];
    this.entries.sort(
      (a, b) => Boolean(b.directory) - Boolean(a.directory) || sign * compare(a, b) || byName.compare(a.name, b.name),
    );
    for (const head of byId("files-list").querySelectorAll("[data-order]")) {
      const isOurs = head.dataset.order === by;
      if (isOurs) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  get chosen() {
    return this.entries.filter((entry) => this.selection.has(entry));
  }

  // ---- rows

  render() {
    this.rows = [];
    this.body.replaceChildren();
    byId("files-scroll").hidden = !this.entries.length;
    byId("files-scroll").scrollTop = 0;
    byId("files-list").setAttribute("aria-rowcount", this.entries.length + 1);
    this.renderTo(Math.max(ROWS, this.at + 1));
    this.showSelection();
  }

  renderTo(count) {
    const added = this.entries.slice(this.rows.length, count).map((entry, place) => this.row(entry, this.rows.length + place));
    this.rows.push(...added);
    this.body.append(...added);
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = byId("files-scroll");
    if (this.rows.length < this.entries.length && scrollTop + clientHeight > scrollHeight - clientHeight) {
      this.renderTo(this.rows.length + ROWS);
      this.showSelection();
    }
  }

  row(entry, place) {
    const { name, directory, size, modified } = entry;
    const shown = visible(name);
    const box = element("input", { type: "checkbox", tabIndex: -1 });
    box.setAttribute("aria-label", `Select ${shown}`);
    const open = button(directory ? "folder" : "file", `${directory ? "Open" : "Download"} ${shown}`, "open");
    open.append(element("span", { className: "file-name", textContent: shown, dir: "auto" }));
    const cells = [cell(box, "check"), cell(open, "name")];
    cells.push(cell(directory || size === undefined ? "" : inUnits(size), "size"));
    const date = element("span", { className: "file-date", textContent: modified === undefined ? "" : inWords(modified) });
    const when = cell(date, "modified");
    if (canPreview(entry)) when.append(button("preview", `Preview ${shown}`, "preview"));
    cells.push(when);
    const row = element("tr", { tabIndex: -1 });
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", place + 2);
    row.append(...cells);
    return row;
  }

  showSelection() {
    this.rows.forEach((row, place) => {
      const isChosen = this.selection.has(this.entries[place]);
      row.setAttribute("aria-selected", String(isChosen));
      row.querySelector("input").checked = isChosen;
      row.tabIndex = place === this.at ? 0 : -1;
    });
    const all = byId("files-all");
    all.checked = this.selection.size > 0 && this.selection.size === this.entries.length;
    all.indeterminate = this.selection.size > 0 && !all.checked;
    this.acts.selected(this.chosen);
  }

  focus() {
    this.rows[this.at]?.focus();
    this.rows[this.at]?.scrollIntoView({ block: "nearest" });
  }

  // ---- selection

  selectAll(all) {
    this.selection = new Set(all ? this.entries : []);
    this.showSelection();
  }

  toggle(place) {
    const entry = this.entries[place];
    if (!this.selection.delete(entry)) this.selection.add(entry);
    this.anchor = this.at = place;
    this.showSelection();
  }

  selectOnly(place) {
    this.selection = new Set([this.entries[place]]);
    this.anchor = this.at = place;
    this.showSelection();
  }

  selectRange(place) {
    const [first, last] = [this.anchor, place].sort((a, b) => a - b);
    this.selection = new Set(this.entries.slice(first, last + 1));
    this.at = place;
    this.showSelection();
  }

  move(place, extends_) {
    if (!this.entries.length) return;
    const to = Math.min(Math.max(place, 0), this.entries.length - 1);
    if (to >= this.rows.length) this.renderTo(to + ROWS);
    if (extends_) this.selectRange(to);
    else {
      this.at = this.anchor = to;
      this.showSelection();
    }
    this.focus();
  }

  // ---- events

  click(event) {
    if (this.isWaiting) return;
    const row = event.target.closest("tr");
    const place = this.rows.indexOf(row);
    if (place < 0) return;
    const act = event.target.closest("button")?.dataset.act;
    const isTouch = event.pointerType === "touch";
    if (act) this.act(act, place);
    else if (event.target.closest("input") || event.ctrlKey || event.metaKey || isTouch) this.toggle(place);
    else if (event.shiftKey) this.selectRange(place);
    else this.selectOnly(place);
    if (this.rows[place] === row && this.body.contains(row)) row.focus({ preventScroll: true });
  }

  act(act, place) {
    const entry = this.entries[place];
    this.at = this.anchor = place;
    if (act === "preview") this.acts.preview(entry);
    else if (entry.directory) this.acts.open(entry);
    else this.acts.download(entry);
  }

  key(event) {
    if (this.isWaiting) return;
    const { key, shiftKey } = event;
    if (event.target.closest("input, button") && (key === " " || key === "Enter")) return;
    const held = event.ctrlKey || event.metaKey;
    if (!this.command(key, { shiftKey, held, alt: event.altKey })) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Returns whether the key means something here.
  command(key, { shiftKey, held, alt }) {
    const { at } = this;
    const last = this.entries.length - 1;
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + PAGE, PageUp: at - PAGE };
    if (alt && key === "ArrowUp") this.acts.up();
    else if (alt) return false;
    else if (key in moves) this.move(moves[key], shiftKey);
    else if (held && key.toLowerCase() === "a") this.selectAll(true);
    else if (held) return false;
    else if (key === "Enter") this.act("open", at);
    else if (key === " ") this.toggle(at);
    else if (key === "Backspace") this.acts.up();
    else if (key === "F2") this.withSelection(at, this.acts.rename);
    else if (key === "Delete") this.withSelection(at, this.acts.remove);
    else if ([...key].length === 1) this.find(key);
    else return false;
    return true;
  }

  withSelection(place, act) {
    if (!this.selection.size) this.selectOnly(place);
    act();
  }

  // Goes to the next name that begins with what was typed.
  find(letter) {
    const now = performance.now();
    this.typed = now - (this.typedAt ?? 0) < TYPING_TIME ? this.typed + letter : letter;
    this.typedAt = now;
    const start = this.typed.length > 1 ? this.at : this.at + 1;
    const wanted = this.typed.toLowerCase();
    for (let step = 0; step < this.entries.length; step += 1) {
      const place = (start + step) % this.entries.length;
      if (this.entries[place].name.toLowerCase().startsWith(wanted)) return this.move(place, false);
    }
    return undefined;
  }
}

function cell(content, name) {
  const made = element("td", { className: `file-${name}` });
  made.setAttribute("role", "gridcell");
  made.append(content);
  return made;
}

function button(icon, label, act) {
  const made = element("button", { type: "button", tabIndex: -1, title: act === "preview" ? "Preview" : "" });
  made.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
  made.setAttribute("aria-label", label);
  made.dataset.act = act;
  return made;
}
