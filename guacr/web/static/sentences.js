// Explanations of the Guacamole protocol's statuses for people.

import { sentence } from "./dom.js";

const LOST = ["Connection lost", "The connection to the server was lost. Check that the server is running and that you are online, then reconnect."];

const BY_CODE = {
  0x0100: ["Not supported", "The server does not support this."],
  0x0200: ["Something went wrong", "The server had an internal error. See its log."],
  0x0201: ["Server busy", "The server accepts no more sessions at the moment. Try again later."],
  0x0202: ["No answer", "The remote host did not answer in time."],
  0x0203: ["Connection failed", "The remote host reported an error, or closed the connection."],
  0x0204: ["Not found", "The connection is unknown."],
  0x0205: ["In use", "The connection is in use."],
  0x0206: ["Closed", "The connection has been closed."],
  0x0207: ["Host not found", "The remote host cannot be found or reached."],
  0x0208: ["Host not available", "The remote host refused the connection."],
  0x0209: ["Replaced", "Another session has replaced this one."],
  0x020a: ["Timed out", "The session was idle for too long."],
  0x020b: ["Session closed", "The session was closed on the server."],
  0x0300: ["Not possible", "The request for this connection is invalid."],
  0x0301: ["Access denied", "The credentials were not accepted."],
  0x0303: ["Not permitted", "You may not do this."],
  0x0308: ["Timed out", "The server received nothing from this browser for too long."],
  0x030d: ["Too much data", "This browser sent more than is allowed."],
  0x031d: ["Too many", "A limit has been reached."],
};

// Temporary failures, such as a server that restarts or a host that is out of reach.
const MAY_PASS = new Set([0x200, 0x202, 0x203, 0x207, 0x208, 0x308]);

const isLoss = ({ status, fromTunnel }) => fromTunnel && isNaN(parseInt(status.message));

// Returns whether to reconnect automatically; not after a regular end.
export function mayPass(reason) {
  if (!reason?.status || reason.status.code === 0) return false;
  return isLoss(reason) || MAY_PASS.has(reason.status.code);
}

// Returns a title and a text for the end of a session: an `error` of the daemon, or of the tunnel.
export function explain(status, fromTunnel) {
  if (!status || status.code === 0) return ["Session ended", "The remote host has closed the session."];
  if (isLoss({ status, fromTunnel })) return LOST;
  const [title, text] = BY_CODE[status.code] ?? LOST;
  const said = fromTunnel ? "" : sentence(status.message);
  return [title, said || text];
}
