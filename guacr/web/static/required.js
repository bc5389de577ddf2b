// What the remote host asks for while it connects (`required`), answered parameter by parameter.

import { byId } from "./dom.js";
import { buildFields } from "./fields.js";
import { writeText } from "./streams.js";

const SECRET = /password|passphrase|private-key|secret|token/;

export function askRequired(names, client) {
  const dialog = byId("required-dialog");
  const fields = names.map((name) => ({ name, kind: SECRET.test(name) ? "password" : "text", default: "" }));
  byId("required-fields").replaceChildren(...buildFields(fields, "required"));
  dialog.addEventListener("close", () => {
    for (const input of byId("required-fields").querySelectorAll("[name]")) {
      writeText(client.createArgumentValueStream("text/plain", input.name), input.value);
      input.value = "";
    }
  }, { once: true });
  dialog.showModal();
}
