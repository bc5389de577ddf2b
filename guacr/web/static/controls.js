// The control bar of a session, and the actions of its buttons.

import { askServer, byId } from "./dom.js";
import { Handle } from "./handle.js";

const PANELS = ["view", "keypad"];

export class Controls {
  constructor(session, signal) {
    this.session = session;
    const on = (id, type, act) => byId(id).addEventListener(type, act, { signal });
    new Handle(() => this.toggle(), signal);
    on("bar", "keydown", (event) => this.key(event));
    on("action-clipboard", "click", () => this.dialog("clipboard-dialog", "clipboard-text"));
    on("action-share", "click", () => this.share());
    on("action-fullscreen", "click", () => this.fullScreen());
    for (const name of PANELS) on(`action-${name}`, "click", () => this.panel(name));
    on("action-keyboard", "click", (event) => this.softKeyboard(event.currentTarget));
    on("action-touch", "click", (event) => this.touchMode(event.currentTarget));
    on("share-copy", "click", () => this.copyLink());
    for (const choice of document.querySelectorAll("#share-dialog [name=rights]")) {
      choice.addEventListener("change", () => this.makeLink(), { signal });
    }
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.addEventListener("close", () => session.input.focus(), { signal });
    }
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => button.closest("dialog").close(), { signal });
    }
    document.addEventListener("fullscreenchange", () => this.takeKeys(), { signal });
    this.takeKeys();
    byId("action-search").hidden = true;
    byId("action-fullscreen").hidden = !document.fullscreenEnabled;
  }

  toggle() {
    if (byId("bar-items").hidden) this.open();
    else this.close(true);
  }

  get buttons() {
    return [...byId("bar-items").querySelectorAll("button")].filter((button) => button.offsetParent);
  }

  open() {
    this.show(true);
    this.buttons[0]?.focus();
  }

  close(refocus = false) {
    if (byId("bar-items").hidden) return;
    this.show(false);
    if (refocus) this.session.input.focus();
  }

  show(shown) {
    byId("bar-items").hidden = !shown;
    byId("bar").classList.toggle("open", shown);
    byId("bar-toggle").setAttribute("aria-expanded", String(shown));
    this.panel(null);
  }

  // Opens a panel below the bar, or closes it; `null` closes all.
  panel(opened) {
    for (const name of PANELS) {
      const panel = byId(`${name}-panel`);
      panel.hidden = name !== opened || !panel.hidden;
      byId(`action-${name}`).setAttribute("aria-expanded", String(!panel.hidden));
    }
  }

  key(event) {
    if (event.key === "Escape") this.close(true);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const { buttons } = this;
    const at = buttons.indexOf(document.activeElement);
    if (at >= 0) buttons[(at + step + buttons.length) % buttons.length].focus();
  }

  dialog(id, focus) {
    this.close();
    byId(id).showModal();
    byId(focus).focus();
  }

  // In full screen, some browsers pass on keys that they otherwise reserve (Ctrl+W).
  async fullScreen() {
    this.close(true);
    if (document.fullscreenElement) return document.exitFullscreen();
    try {
      await document.documentElement.requestFullscreen();
    } catch {
      this.session.toast("This browser does not allow full screen here");
    }
  }

  async takeKeys() {
    const { keyboard } = navigator;
    if (!keyboard?.lock) return;
    if (document.fullscreenElement) await keyboard.lock().catch(() => {});
    else keyboard.unlock();
  }

  softKeyboard(button) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    this.close();
    this.session.input.showSoftKeyboard(shown);
  }

  touchMode(button) {
    const pad = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pad));
    this.session.pointer.usesTouchpad = pad;
    this.close(true);
  }

  share() {
    this.dialog("share-dialog", "share-link");
    this.makeLink();
  }

  async makeLink() {
    const readOnly = byId("share-dialog").querySelector("[name=rights]:checked").value === "read";
    const link = byId("share-link");
    const asked = (this.asked = {}); // an answer for other rights may come later
    link.value = "";
    byId("share-copy").disabled = true;
    try {
      const { token } = await askServer("api/join", { tunnel: this.session.tunnel?.uuid ?? "", readOnly });
      if (this.asked !== asked) return;
      link.value = `${location.origin}${location.pathname}#${new URLSearchParams({ token, joins: readOnly ? "watch" : "1" })}`;
      byId("share-copy").disabled = false;
      link.select();
      byId("share-status").textContent = "The link works until this session ends, and for at most one day.";
    } catch (error) {
      byId("share-status").textContent = error.message;
    }
  }

  async copyLink() {
    const link = byId("share-link");
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
    } catch {
      document.execCommand("copy");
    }
    byId("share-status").textContent = "Copied.";
  }
}
