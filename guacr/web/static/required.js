// What the remote host asks for while it connects (`required`), answered parameter by parameter.

import Guacamole from "/vendor/guacamole-common.js";
import { byId } from "./dom.js";
import { buildFields } from "./fields.js";

const SECRET = /password|passphrase|private-key|secret|token/;

export function askRequired(names, client) {
  const dialog = byId("required-dialog");
  const fields = names.map((name) => ({ name, kind: SECRET.test(name) ? "password" : "text", default: "" }));
  byId("required-fields").replaceChildren(...buildFields(fields, "required"));
  dialog.addEventListener("close", () => {
    for (const input of byId("required-fields").querySelectorAll("[name]")) {
      const writer = new Guacamole.StringWriter(client.createArgumentValueStream("text/plain", input.name));
      writer.sendText(input.value);
      writer.sendEnd();
      input.value = "";
    }
  }, { once: true });
  dialog.showModal();
}
