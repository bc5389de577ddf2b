// The few shorthands that the page's modules share.

export const byId = (id) => document.getElementById(id);

export function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

// A sentence as the daemon sends it, as a person reads it.
export function sentence(text) {
  if (!text) return "";
  const upper = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : upper + ".";
}

// What the server answers, as an object; an Error with a sentence if it refuses or is not there.
export async function askServer(path, body) {
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    const error = new Error("The server does not answer. Check that guacr runs, then reload the page.");
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
