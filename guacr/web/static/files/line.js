// The line of a transfer in the list: its progress, its end, and what can be done with it.

import { byId, element, sentence } from "../dom.js";
import { inUnits, visible } from "./names.js";

const KEPT = 50; // lines
const UPDATE = 200; // milliseconds between two texts
const RATE_TIME = 2000; // milliseconds after which the time that is left is shown

export class Line {
  // `total` is the number of bytes, null if it is unknown. `ended` is called at each end, with a
  // sentence and whether the transfer succeeded.
  constructor(name, total, ended) {
    Object.assign(this, { name: visible(name), total, ended, bytes: 0, isDone: false, canResume: false });
    this.title = element("span", { className: "file-name", textContent: this.name, dir: "auto" });
    this.state = element("span", { className: "hint", textContent: "Waiting" });
    this.bar = element("progress");
    this.bar.setAttribute("aria-label", this.name);
    this.buttons = element("span", { className: "line-buttons" });
    this.element = element("li");
    this.element.append(this.title, this.buttons, this.bar, this.state);
    byId("transfers-section").hidden = false;
    byId("transfers").prepend(this.element);
    this.dropOld();
    this.begin();
  }

  // Lines of transfers that are under way stay.
  dropOld() {
    const lines = [...byId("transfers").children].slice(KEPT);
    for (const line of lines) if (line.dataset.done) line.remove();
  }

  begin() {
    this.isDone = false;
    delete this.element.dataset.done;
    this.start = performance.now();
    this.startBytes = this.bytes;
    this.updated = 0;
    this.bar.hidden = false;
    this.element.classList.remove("failed");
    this.state.textContent = "Waiting";
    this.offer(["Cancel", () => this.cancel()]);
    this.showBar();
  }

  offer(...actions) {
    const focused = this.buttons.contains(document.activeElement);
    const buttons = actions.map(([textContent, act]) => {
      const button = element("button", { type: "button", textContent });
      button.setAttribute("aria-label", `${textContent} ${this.name}`);
      button.addEventListener("click", act);
      return button;
    });
    this.buttons.replaceChildren(...buttons);
    if (focused) buttons[0]?.focus();
  }

  // Bytes that have arrived; negative if they have to be sent again.
  advance(bytes) {
    this.bytes += bytes;
    const now = performance.now();
    if (this.isDone || now - this.updated < UPDATE) return;
    this.updated = now;
    this.showBar();
    this.state.textContent = this.progress(now);
  }

  setTotal(total) {
    this.total = total;
    this.showBar();
  }

  showBar() {
    if (this.total === null) this.bar.removeAttribute("value");
    else Object.assign(this.bar, { max: Math.max(this.total, 1), value: Math.min(this.bytes, this.total) });
  }

  progress(now) {
    const seconds = (now - this.start) / 1000;
    const rate = (this.bytes - this.startBytes) / Math.max(seconds, 0.001);
    const whole = this.total === null ? "" : ` of ${inUnits(this.total)}`;
    const left = this.total === null || !rate ? NaN : (this.total - this.bytes) / rate;
    const time = now - this.start > RATE_TIME && left >= 0 ? `, ${timeLeft(left)} left` : "";
    return `${inUnits(this.bytes)}${whole}, ${inUnits(rate)}/s${time}`;
  }

  finish(text, well) {
    if (this.isDone) return;
    this.isDone = true;
    this.element.dataset.done = "true";
    this.bar.hidden = true;
    this.element.classList.toggle("failed", !well);
    this.state.textContent = text;
    const remove = ["Remove", () => this.remove()];
    if (!well && this.canResume) this.offer(["Resume", () => this.resume()], remove);
    else this.offer(remove);
    this.ended(`${this.name}: ${text}`, well);
  }

  complete() {
    const rate = (this.bytes - this.startBytes) / Math.max((performance.now() - this.start) / 1000, 0.001);
    this.finish(`${inUnits(this.bytes)}, ${inUnits(rate)}/s`, true);
  }

  fail(text) {
    this.finish(sentence(text), false);
  }

  remove() {
    this.canResume = false;
    this.stop(false);
    this.element.remove();
    byId("transfers-section").hidden = !byId("transfers").childElementCount;
  }

  // The person has cancelled it, or the session has ended: `stop` of a transfer sends nothing more.
  cancel() {
    this.canResume = false;
    this.fail("cancelled");
    this.stop(true);
  }

  lose(text) {
    this.fail(text);
    this.stop(false);
  }
}

function timeLeft(seconds) {
  if (seconds < 60) return `${Math.max(Math.round(seconds), 1)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
