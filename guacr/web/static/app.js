// The page's entry: the URL decides what is shown.
//
//   /                      the list of connections
//   /#connection=NAME      a configured connection
//   /#protocol=NAME&…      a form for any host, filled in except for secrets
//   /#token=TOKEN          what a token grants; /?token=TOKEN is accepted, too
//
// Fragments are not sent to servers, so that tokens stay out of their logs.

import { Catalog } from "./catalog.js";
import { byId } from "./dom.js";
import { Session } from "./session.js";

const TARGETS = ["token", "connection"];

let session = null;
const catalog = new Catalog((target) => open(target));

// Moves the URL's query into the fragment, which is not sent; the secret is now in a cookie.
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
    keepsTitle: name === "connection" && catalog.titleOf(value) !== value, // it is a configured one
    key: name === "token" ? name : `${name}=${value}`,
    joins: fragment.get("joins") ?? "",
    query: async () => ({ [name]: value }),
  };
}

function open(target) {
  session?.end();
  catalog.hide();
  if (target.address) history.pushState(null, "", `#${new URLSearchParams(target.address)}`);
  session = new Session(target, leave);
  session.address = location.href;
}

function leave() {
  session?.disconnect();
  if (location.hash) location.hash = "";
  else show();
}

// If the URL changes while a session is open, asks the person. The old URL is restored meanwhile,
// because a page cannot prevent navigation.
function addressChanged() {
  if (!session?.connected) return show();
  const wanted = location.href;
  if (wanted === session.address) return undefined;
  history.pushState(null, "", session.address);
  session.controls.close();
  const dialog = byId("leave-dialog");
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "leave") return session.input.focus();
    session.disconnect();
    history.replaceState(null, "", wanted);
    return show();
  };
  if (!dialog.open) dialog.showModal();
  return undefined;
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
  catalog.fillIn(fragment);
}

tidyAddress();
addEventListener("hashchange", addressChanged);
show();
