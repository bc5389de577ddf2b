// Requests of an operator to the daemon. The token is in a header, never in an address.

const API = "api/admin"; // relative to the page, which a proxy may have moved
const TIMEOUT = 15_000; // milliseconds
export const RELOAD_TIMEOUT = 300_000; // new workers may have to start

export class Operations {
  constructor(token) {
    this.token = token;
    this.now = Date.now() / 1000; // the daemon's time, in seconds since 1970
  }

  async read(path, query = {}) {
    const words = new URLSearchParams(query).toString();
    return this.request(`${path}${words && "?"}${words}`, {}, TIMEOUT);
  }

  async act(path, body = {}, timeout = TIMEOUT) {
    const headers = { "Content-Type": "application/json" };
    return this.request(path, { method: "POST", headers, body: JSON.stringify(body) }, timeout);
  }

  // Returns the answer; throws an Error with a sentence, and the `status` of a refusal.
  async request(path, { headers, ...rest }, timeout) {
    let response;
    let text;
    try {
      response = await fetch(`${API}/${path}`, {
        ...rest,
        headers: { ...headers, Authorization: `Bearer ${this.token}` },
        signal: AbortSignal.timeout(timeout),
      });
      text = await response.text();
    } catch {
      throw new Error("the server does not answer");
    }
    const date = Date.parse(response.headers.get("Date"));
    if (date) this.now = date / 1000;
    let answer = {};
    try {
      answer = JSON.parse(text);
    } catch {
      if (response.ok) throw new Error("the server sent an answer that cannot be read");
    }
    if (response.ok) return answer;
    const error = new Error(answer.error ?? (text.trim() || response.statusText));
    throw Object.assign(error, { status: response.status });
  }
}

export const sessionPath = (id) => `v1/sessions/${encodeURIComponent(id)}`;
