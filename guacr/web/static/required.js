// What the remote host asks for while it connects (`required`), answered parameter by parameter.

import Guacamole from "../vendor/guacamole-common.js";
import { byId } from "./dom.js";
import { buildFields } from "./fields.js";
import { writeText } from "./streams.js";

const SECRET = /password|passphrase|private-key|secret|token|pin/;

export class Required {
  constructor(session, signal) {
    this.session = session;
    this.client = null; // who is asked for, as long as there is no answer
    byId("required-dialog").addEventListener("close", () => this.closed(), { signal });
  }

  ask(names, client) {
    this.client = client;
    const fields = names.map((name) => ({ name, kind: SECRET.test(name) ? "password" : "text", default: "" }));
    byId("required-fields").replaceChildren(...buildFields(fields, "required"));
    byId("required-dialog").returnValue = "";
    byId("required-dialog").showModal();
    byId("required-fields").querySelector("[name]").focus();
  }

  get inputs() {
    return [...byId("required-fields").querySelectorAll("[name]")];
  }

  closed() {
    const { client } = this;
    this.client = null;
    if (client && byId("required-dialog").returnValue === "send") {
      for (const input of this.inputs) {
        writeText(client.createArgumentValueStream("text/plain", input.name), input.value);
      }
    } else if (client) {
      const { CLIENT_UNAUTHORIZED } = Guacamole.Status.Code;
      this.session.failed(new Guacamole.Status(CLIENT_UNAUTHORIZED, "you did not answer what the remote host asks"));
      client.disconnect();
    }
    byId("required-fields").replaceChildren(); // nothing that was entered stays
  }

  // The session has ended: nobody waits for an answer.
  close() {
    this.client = null;
    byId("required-dialog").close();
  }
}
