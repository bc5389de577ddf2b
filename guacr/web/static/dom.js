// Helpers that the page's modules share.

export const byId = (id) => document.getElementById(id);

export function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

// Adds the capital and the full stop that the daemon's sentences lack.
export function sentence(text) {
  if (!text) return "";
  const upper = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : upper + ".";
}

// Returns the server's answer as an object; throws an Error with a sentence if it refuses or does not
// answer.
export async function askServer(path, body) {
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    const error = new Error("The server does not answer. Check that guacr is running, then reload the page.");
    throw Object.assign(error, { isLoss: true });
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    if (response.ok) throw new Error("The server sent an answer that cannot be read.");
  }
  if (!response.ok) {
    const error = new Error(sentence(answer.error ?? (text.trim() || response.statusText)));
    throw Object.assign(error, { isLoss: response.status >= 502 }); // a proxy without its server
  }
  return answer;
}
