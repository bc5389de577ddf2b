// Form fields, created from the daemon's declaration of a protocol's parameters.

import { element } from "./dom.js";

const MAKERS = {
  boolean: (field) => select([["true", "yes"], ["false", "no"]], field.default),
  choice: (field) => select(field.choices.map((choice) => [choice, choice || "(default)"]), field.default),
  multiline: (field) => element("textarea", { rows: 4, value: field.default }),
  number: (field) => element("input", {
    type: "number", value: field.default, min: field.minimum ?? "", max: field.maximum ?? "",
  }),
  password: () => element("input", { type: "password", autocomplete: "new-password" }),
  suggestion: (field) => suggestion(field),
  text: (field) => element("input", { type: "text", value: field.default }),
};

function select(choices, chosen) {
  const box = element("select");
  box.append(...choices.map(([value, label]) => element("option", { value, textContent: label, selected: value === chosen })));
  return box;
}

const OTHER = "\u0000";

// A list whose last entry shows a text field for other values. The value is that of the text field.
function suggestion(field) {
  const text = element("input", { type: "text", value: field.default, hidden: true });
  const known = field.choices.map((choice) => [choice, choice || "(default)"]);
  const list = select([...known, [OTHER, "other…"]], field.choices.includes(field.default) ? field.default : OTHER);
  text.hidden = list.value !== OTHER;
  list.addEventListener("change", () => {
    text.hidden = list.value !== OTHER;
    text.value = list.value === OTHER ? "" : list.value;
    if (!text.hidden) text.focus();
  });
  text.list_ = list;
  return text;
}

// Creates a labelled element for each field; `prefix` distinguishes the ids of several forms.
export function buildFields(fields, prefix) {
  return fields.map((field) => {
    const input = (MAKERS[field.kind] ?? MAKERS.text)(field);
    const id = `${prefix}-${field.name}`;
    Object.assign(input, { id, name: field.name, spellcheck: false });
    input.dataset.default = field.default ?? "";
    const box = element("div", { className: "field" });
    const label = element("label", { textContent: field.title ?? field.name });
    if (field.required) {
      input.required = true;
      label.append(element("span", { className: "required", textContent: " (required)" }));
    }
    const first = input.list_ ?? input;
    if (first !== input) {
      first.id = `${id}-list`;
      input.setAttribute("aria-label", `${label.textContent}: other`);
    }
    label.htmlFor = first.id;
    box.append(label, ...(first === input ? [input] : [first, input]));
    if (field.doc) {
      box.append(element("span", { className: "hint", id: `${id}-hint`, textContent: field.doc }));
      for (const one of new Set([first, input])) one.setAttribute("aria-describedby", `${id}-hint`);
    }
    return box;
  });
}

// Sets the value of a field, as if the person had entered it.
export function fillField(input, value) {
  input.value = value;
  const list = input.list_;
  if (!list) return;
  input.hidden = [...list.options].some((option) => option.value === value);
  list.value = input.hidden ? value : OTHER;
}

// Returns the values that differ from their defaults, by name.
export function readFields(form) {
  const inputs = [...form.querySelectorAll("[name]")];
  return Object.fromEntries(
    inputs.filter((input) => input.value !== input.dataset.default).map((input) => [input.name, input.value]),
  );
}
