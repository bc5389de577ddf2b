// How the page reaches the server: by WebRTC where both have it and the network lets it through,
// otherwise by WebSocket.

import Guacamole from "../vendor/guacamole-common.js";
import { WebRtcTunnel } from "./webrtc.js";

const WEBSOCKET = "websocket"; // relative to the page, which a proxy may have moved
const KEY = "guacr.webrtc.blocked"; // when the network has last let none through
const BLOCKED_TIME = 10 * 60 * 1000; // milliseconds until it is tried again

addEventListener("online", () => remember(null)); // perhaps another network

function remember(time) {
  try {
    if (time) localStorage.setItem(KEY, time);
    else localStorage.removeItem(KEY);
  } catch {
    // it may be forbidden: then each session tries
  }
}

function isBlocked() {
  try {
    return Math.abs(Date.now() - Number(localStorage.getItem(KEY))) < BLOCKED_TIME;
  } catch {
    return false;
  }
}

function mayUseWebRtc() {
  const isOffered = "webrtc" in document.documentElement.dataset;
  return isOffered && typeof RTCPeerConnection === "function" && !isBlocked();
}

// Returns a tunnel; its `carrier` is the name of what carries it.
export function makeTunnel() {
  const socket = new Guacamole.WebSocketTunnel(WEBSOCKET);
  if (!mayUseWebRtc()) return Object.assign(socket, { carrier: () => "WebSocket" });
  const webrtc = new WebRtcTunnel(() => remember(Date.now()));
  const carrier = () => {
    if (!webrtc.wasOpen) return "WebSocket";
    webrtc.look(); // for the next time
    return webrtc.isRelayed ? "WebRTC, relayed" : "WebRTC";
  };
  return Object.assign(new Guacamole.ChainedTunnel(webrtc, socket), { carrier });
}
