// Form fields from the daemon's own declaration of a protocol's parameters.

import { element } from "./dom.js";

const MAKERS = {
  boolean: (field) => select([["true", "yes"], ["false", "no"]], field.default),
  choice: (field) => select(field.choices.map((choice) => [choice, choice || "(default)"]), field.default),
  multiline: (field) => element("textarea", { rows: 4, value: field.default }),
  number: (field) => element("input", {
    type: "number", value: field.default, min: field.minimum ?? "", max: field.maximum ?? "",
  }),
  password: () => element("input", { type: "password", autocomplete: "new-password" }),
  text: (field) => element("input", { type: "text", value: field.default }),
};

function select(choices, chosen) {
  const box = element("select");
  box.append(...choices.map(([value, label]) => element("option", { value, textContent: label, selected: value === chosen })));
  return box;
}

// One labelled element a field; `prefix` keeps the ids of several forms apart.
export function buildFields(fields, prefix) {
  return fields.map((field) => {
    const input = (MAKERS[field.kind] ?? MAKERS.text)(field);
    const id = `${prefix}-${field.name}`;
    Object.assign(input, { id, name: field.name, spellcheck: false });
    input.dataset.default = field.default ?? "";
    const box = element("div", { className: "field" });
    box.append(element("label", { htmlFor: id, textContent: field.name }), input);
    if (field.doc) {
      box.append(element("span", { className: "hint", id: `${id}-hint`, textContent: field.doc }));
      input.setAttribute("aria-describedby", `${id}-hint`);
    }
    return box;
  });
}

// The values that differ from their defaults, by name.
export function readFields(form) {
  const inputs = [...form.querySelectorAll("[name]")];
  return Object.fromEntries(
    inputs.filter((input) => input.value !== input.dataset.default).map((input) => [input.name, input.value]),
  );
}
