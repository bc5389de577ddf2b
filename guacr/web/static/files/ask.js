// Questions about files: a name, or whether to go on.

import { byId } from "../dom.js";
import { objection } from "./names.js";

let answered = () => {}; // called with the answer to the question that is being asked

// Resolves with the name that was typed (`value` is its first one), with "do" or "other" if there is
// no `value`, and with null if the person cancels.
export function ask({ title, text = "", value, action, other = "", isDanger = false }) {
  const dialog = byId("ask-dialog");
  const field = byId("ask-value");
  const hasField = value !== undefined;
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-error").textContent = "";
  byId("ask-field").hidden = !hasField;
  byId("ask-do").textContent = action;
  byId("ask-do").classList.toggle("danger", isDanger);
  byId("ask-other").textContent = other;
  byId("ask-other").hidden = !other;
  field.value = value ?? "";
  answered("");
  dialog.returnValue = "";
  dialog.showModal();
  if (hasField) selectStem(field);
  else byId(isDanger ? "ask-title" : "ask-do").focus();
  byId("ask-form").onsubmit = (event) => {
    const problem = hasField && event.submitter?.value === "do" ? objection(field.value) : "";
    byId("ask-error").textContent = problem;
    if (problem) event.preventDefault();
  };
  return new Promise((resolve) => {
    answered = (answer) => {
      answered = () => {};
      resolve(!answer ? null : hasField ? field.value : answer);
    };
    // the event comes later, when another question may have been asked
    dialog.onclose = () => dialog.open || answered(dialog.returnValue);
  });
}

// Selects a name without its ending.
function selectStem(field) {
  const dot = field.value.lastIndexOf(".");
  field.focus();
  field.setSelectionRange(0, dot > 0 ? dot : field.value.length);
}
