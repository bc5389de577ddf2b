// The order of a table's rows, which the buttons in its head choose: a column up or down, and the order
// in which they come.

import { element } from "./dom.js";

const { compare } = new Intl.Collator(undefined, { numeric: true });

export class Sorting {
  // `values` has a function for each column, which returns the number or the text to sort by; `changed`
  // is called for another order.
  constructor(table, values, changed) {
    this.values = values;
    this.heads = [...table.tHead.rows[0].cells];
    this.place = null;
    this.descends = false;
    for (const [place, head] of this.heads.entries()) {
      const button = element("button", { type: "button", textContent: head.textContent });
      button.addEventListener("click", () => (this.choose(place), changed()));
      head.replaceChildren(button);
    }
  }

  choose(place) {
    const isOther = place !== this.place;
    if (!isOther && this.descends) this.place = null;
    else this.place = place;
    this.descends = !isOther && !this.descends;
    for (const [at, head] of this.heads.entries()) {
      if (at === this.place) head.setAttribute("aria-sort", this.descends ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  sorted(items) {
    if (this.place === null) return items;
    const value = this.values[this.place];
    const sign = this.descends ? -1 : 1;
    const difference = (a, b) => (typeof a === "number" ? a - b : compare(a, b));
    return [...items].sort((a, b) => sign * difference(value(a), value(b)));
  }
}
