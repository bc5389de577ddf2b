// What the browser remembers of each connection: how its screen is shown. Nothing else is stored.

const KEY = "guacr.views";
const CONNECTIONS_MAX = 100; // beyond, those that were changed first are forgotten

function load() {
  try {
    return new Map(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Map(); // it may be forbidden, or changed by somebody
  }
}

// Returns the values of a connection; empty if none are known.
export function recall(connection) {
  return { ...load().get(connection) };
}

export function remember(connection, values) {
  const views = load();
  views.delete(connection);
  views.set(connection, values);
  try {
    localStorage.setItem(KEY, JSON.stringify([...views].slice(-CONNECTIONS_MAX)));
  } catch {
    // the choice then lasts as long as the page
  }
}
