// What a status of the Guacamole protocol means to a person.

import { sentence } from "./dom.js";

const LOST = ["Connection lost", "The connection to the server broke off. Check that it runs and that you are online, then reconnect."];

const BY_CODE = {
  0x0100: ["Not supported", "The server does not support this."],
  0x0200: ["Something went wrong", "The server had an internal error. Its log says more."],
  0x0201: ["Server busy", "The server takes no more sessions at the moment. Try again later."],
  0x0202: ["No answer", "The remote host did not answer in time."],
  0x0203: ["Connection broken off", "The remote host reported an error, or broke off."],
  0x0204: ["Not found", "There is no such connection."],
  0x0205: ["In use", "The connection is in use."],
  0x0206: ["Closed", "The connection has been closed."],
  0x0207: ["Host not found", "The remote host cannot be found or reached."],
  0x0208: ["Host not available", "The remote host refused the connection."],
  0x0209: ["Replaced", "Another session has taken the place of this one."],
  0x020a: ["Timed out", "The session was idle for too long."],
  0x020b: ["Session closed", "The session was closed on the server."],
  0x0300: ["Not possible", "The connection was asked for in a way that does not work."],
  0x0301: ["Access denied", "The credentials were not accepted."],
  0x0303: ["Not permitted", "You may not do this."],
  0x0308: ["Timed out", "Nothing was heard from this browser for too long."],
  0x030d: ["Too much data", "This browser sent more than is allowed."],
  0x031d: ["Too many", "A limit has been reached."],
};

// What may pass by itself: a server that starts anew, a host that was out of reach.
const MAY_PASS = new Set([0x200, 0x202, 0x203, 0x207, 0x208, 0x308]);

const isLoss = ({ status, fromTunnel }) => fromTunnel && isNaN(parseInt(status.message));

// Whether what ended a session is worth another try without being asked; an end is not.
export function mayPass(reason) {
  if (!reason?.status || reason.status.code === 0) return false;
  return isLoss(reason) || MAY_PASS.has(reason.status.code);
}

// Title and text for what ended a session: an `error` of the daemon's, or the tunnel's own end.
export function explain(status, fromTunnel) {
  if (!status || status.code === 0) return ["Session ended", "The remote side has closed the session."];
  if (isLoss({ status, fromTunnel })) return LOST;
  const [title, text] = BY_CODE[status.code] ?? LOST;
  const said = fromTunnel ? "" : sentence(status.message);
  return [title, said || text];
}
