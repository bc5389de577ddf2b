// The page's entry: the address decides what is shown.
//
//   /                      what can be connected to
//   /#connection=NAME      a connection of the configuration
//   /#token=TOKEN          what a token grants; /?token=TOKEN is taken too
//
// Fragments are not sent to servers, so that tokens stay out of their logs.

import { Catalog } from "./catalog.js";
import { Session } from "./session.js";

const TARGETS = ["token", "connection"];

let session = null;
const catalog = new Catalog((target) => open(target));

// The query of the address, moved to where it is not sent again; the secret is now a cookie.
function tidyAddress() {
  if (!location.search) return;
  const query = new URLSearchParams(location.search);
  const name = TARGETS.find((known) => query.get(known));
  const hash = name ? "#" + new URLSearchParams({ [name]: query.get(name) }) : location.hash;
  history.replaceState(null, "", location.pathname + hash);
}

function targetOfAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const name = TARGETS.find((known) => fragment.get(known));
  if (!name) return null;
  const value = fragment.get(name);
  return {
    title: name === "connection" ? catalog.titleOf(value) : "",
    query: async () => ({ [name]: value }),
  };
}

function open(target) {
  session?.end();
  catalog.hide();
  session = new Session(target, leave);
}

function leave() {
  if (location.hash) location.hash = "";
  else show();
}

async function show() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.get("connection")) await catalog.load();
  const target = targetOfAddress();
  if (target) return open(target);
  session?.end();
  session = null;
  document.title = "guacr";
  await catalog.show();
}

tidyAddress();
addEventListener("hashchange", show);
show();
