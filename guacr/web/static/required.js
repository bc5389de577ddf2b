// Values that the remote host needs while it connects (`required`); each is sent as a parameter.

import Guacamole from "../vendor/guacamole-common.js";
import { byId } from "./dom.js";
import { buildFields } from "./fields.js";

const SECRET = /password|passphrase|private-key|secret|token|pin/;

// Returns the label of a parameter, as the form has it.
function inWords(name) {
  const words = name.replace("username", "user name").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export class Required {
  constructor(session, signal) {
    this.session = session;
    this.client = null; // the client that waits for an answer, if any
    byId("required-dialog").addEventListener("close", () => this.closed(), { signal });
  }

  ask(names, client) {
    this.client = client;
    const fields = names.map((name) => ({
      name, title: inWords(name), kind: SECRET.test(name) ? "password" : "text", default: "",
    }));
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
        this.session.texts.send("argv", ["text/plain", input.name], input.value);
      }
    } else if (client) {
      const { CLIENT_UNAUTHORIZED } = Guacamole.Status.Code;
      this.session.failed(new Guacamole.Status(CLIENT_UNAUTHORIZED, "you did not enter what the remote host needs"));
      client.disconnect();
    }
    byId("required-fields").replaceChildren(); // keep no entered values
  }

  // The session has ended, so nothing waits for an answer.
  close() {
    this.client = null;
    byId("required-dialog").close();
  }
}
