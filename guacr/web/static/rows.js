// The rows of a table whose content is replaced every few seconds: only what differs is changed, so that
// the focus and a selection stay.

import { element } from "./dom.js";

export class Rows {
  // `columns` are objects with `text(item)`, and perhaps `className`; `open(key)` makes the first cell
  // a button. Cells have the heads of their columns as `data-label`, which tables that are stacked show.
  constructor(body, columns, open = null) {
    this.body = body;
    this.labels = Array.from(body.closest("table").tHead.rows[0].cells, ({ textContent }) => textContent);
    this.columns = columns;
    this.open = open;
    this.rows = new Map();
  }

  // Shows items, each with an `id`, in their order.
  show(items) {
    const present = new Set(items.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (present.has(id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    items.forEach((item, place) => {
      const row = this.rows.get(item.id) ?? this.make(item.id);
      this.fill(row, item);
      const there = this.body.children[place] ?? null;
      if (there !== row) this.body.insertBefore(row, there);
    });
  }

  make(id) {
    const row = element("tr");
    for (const [place, { className = "" }] of this.columns.entries()) {
      const cell = element("td", { className });
      cell.dataset.label = this.labels[place];
      if (place === 0 && this.open) {
        const button = element("button", { type: "button" });
        button.addEventListener("click", () => this.open(id));
        cell.append(button);
      }
      row.append(cell);
    }
    this.rows.set(id, row);
    return row;
  }

  fill(row, item) {
    for (const [place, column] of this.columns.entries()) {
      const cell = row.children[place];
      const shown = cell.firstElementChild ?? cell;
      const text = column.text(item);
      if (shown.textContent !== text) shown.textContent = text;
    }
  }
}
