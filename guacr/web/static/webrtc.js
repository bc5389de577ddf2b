// A tunnel of guacamole-common-js over the data channel of a WebRTC connection, in the frames of tubes.

import Guacamole from "../vendor/guacamole-common.js";
import { closing, FrameReader, FrameWriter } from "./frames.js";
import { instruction, InstructionReader } from "./instructions.js";
import { Signalling } from "./signalling.js";

const LABEL = "guacamole"; // of the channel
const NUMBER = 1; // of the connection in it
const ATTEMPT_TIME = 5000; // milliseconds for signalling, and then for the network to let something through
const OPEN_TIME = 10000; // from then on until the channel must be open
const PING_INTERVAL = 500;
const SIGNALLING_TIME = 10000; // of each signalling connection
const RESTART_AFTER = 3000; // of silence
const RESTART_PAUSE = 4000; // between two restarts
const CLOSE_TIME = 1000; // for what is still to be sent
const { CONNECTING, OPEN, UNSTABLE, CLOSED } = Guacamole.Tunnel.State;
const Code = Guacamole.Status.Code;
const INTERNAL = Guacamole.Tunnel.INTERNAL_DATA_OPCODE;

export class WebRtcTunnel extends Guacamole.Tunnel {
  // `onblocked` is called if the network lets no connection through.
  constructor(onblocked) {
    super();
    this.onblocked = onblocked;
    this.wasOpen = this.isRelayed = false;
    this.timers = {};
    // Properties, because those of the base class are, and a chained tunnel takes them out.
    this.connect = (query) => this.begin(query);
    this.disconnect = () => this.leave();
    this.sendMessage = (...elements) => this.write(elements);
  }

  begin(query) {
    this.setState(CONNECTING);
    this.stop = new AbortController();
    this.after("attempt", ATTEMPT_TIME, () => this.end(new Guacamole.Status(Code.SERVER_ERROR)));
    this.signal(query, () => {});
  }

  // ---- signalling

  // Connects to the server's endpoint; `greet` is called once that is open.
  signal(query, greet) {
    this.endSignalling();
    this.pending = []; // candidates that came before the answer
    this.isAnswered = false;
    const signalling = (this.signalling = new Signalling(query, {
      servers: (message) => this.tried(this.offer(message)),
      answer: (message) => this.tried(this.answered(message)),
      candidate: (message) => this.tried(this.candidate(message)),
      error: ({ message, status }) => this.refused(new Guacamole.Status(status, message)),
      lost: () => this.signallingLost(signalling),
    }));
    signalling.whenOpen(greet);
    this.after("signalling", SIGNALLING_TIME, () => this.endSignalling());
  }

  endSignalling() {
    this.signalling?.close();
    this.signalling = null;
  }

  signallingLost(signalling) {
    if (this.signalling !== signalling) return;
    this.signalling = null;
    if (!this.peer) this.end(new Guacamole.Status(Code.UPSTREAM_NOT_FOUND));
  }

  // What fails is the peer connection's business: it ends with a state, or with its time.
  async tried(work) {
    try {
      await work;
    } catch (error) {
      console.warn("WebRTC:", error);
      if (!this.wasOpen) this.end(new Guacamole.Status(Code.SERVER_ERROR, error.message));
    }
  }

  async offer({ iceServers, iceTransportPolicy }) {
    const configuration = { iceServers, iceTransportPolicy };
    const isRestart = Boolean(this.peer);
    if (isRestart) this.peer.setConfiguration(configuration);
    else this.open(configuration);
    const { peer } = this;
    await peer.setLocalDescription(await peer.createOffer({ iceRestart: isRestart }));
    if (peer === this.peer) this.signalling?.send("offer", { sdp: peer.localDescription.sdp });
  }

  async answered({ sdp, tube, secret }) {
    Object.assign(this, { tube, secret });
    await this.peer.setRemoteDescription({ type: "answer", sdp });
    this.isAnswered = true;
    for (const message of this.pending.splice(0)) await this.candidate(message);
  }

  async candidate(message) {
    if (!this.isAnswered) this.pending.push(message);
    else await this.peer?.addIceCandidate({ candidate: message.candidate, sdpMLineIndex: 0 });
  }

  refused(status) {
    if (!this.wasOpen) this.end(status);
    else if (status.code === Code.CLIENT_FORBIDDEN) this.end(new Guacamole.Status(Code.UPSTREAM_NOT_FOUND));
  }

  // ---- the connection

  open(configuration) {
    this.after("attempt", ATTEMPT_TIME, () => this.blocked());
    const peer = (this.peer = new RTCPeerConnection(configuration));
    peer.onicecandidate = ({ candidate }) => {
      this.signalling?.send("candidate", { candidate: candidate?.candidate ?? "" });
    };
    peer.onconnectionstatechange = () => this.changed(peer.connectionState);
    peer.oniceconnectionstatechange = () => this.found(peer.iceConnectionState);
    const channel = (this.channel = peer.createDataChannel(LABEL));
    channel.binaryType = "arraybuffer";
    this.writer = new FrameWriter((message) => channel.send(message));
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const instructions = new InstructionReader((opcode, args) => this.received(opcode, args));
    const frames = new FrameReader((number, payload) => {
      if (number === NUMBER) instructions.feed(decoder.decode(payload, { stream: true }));
      else if (number === 0) this.controlled(payload);
    });
    channel.onopen = () => this.opened();
    channel.onmessage = ({ data }) => this.heard(frames, data);
    channel.onclose = () => this.end(new Guacamole.Status(Code.UPSTREAM_NOT_FOUND));
    const { signal } = this.stop;
    addEventListener("online", () => this.restart(), { signal });
    navigator.connection?.addEventListener("change", () => this.restart(), { signal });
  }

  changed(state) {
    if (state !== "failed") return;
    if (!this.wasOpen) this.blocked();
    else this.restart();
  }

  // The network lets something through, but on a slow one, the handshakes take longer.
  found(state) {
    if (state === "connected" && this.channel.readyState === "connecting") {
      this.after("attempt", OPEN_TIME, () => this.blocked());
    }
  }

  opened() {
    clearTimeout(this.timers.attempt);
    this.writer.open(NUMBER);
    this.watch();
  }

  heard(frames, data) {
    this.watch();
    try {
      frames.feed(data);
    } catch (error) {
      this.end(new Guacamole.Status(Code.SERVER_ERROR, error.message));
    }
  }

  received(opcode, args) {
    if (!this.wasOpen && this.state === CONNECTING) {
      this.wasOpen = true;
      if (opcode === INTERNAL && args.length === 1) this.setUUID(args[0]);
      this.setState(OPEN);
    }
    if (opcode !== INTERNAL) this.oninstruction?.(opcode, args);
  }

  controlled(payload) {
    const close = closing(payload);
    if (close && close.number <= NUMBER) {
      const code = parseInt(close.text, 10);
      this.end(new Guacamole.Status(isNaN(code) ? Code.UPSTREAM_NOT_FOUND : code, close.text || undefined));
    }
  }

  write(elements) {
    if (!this.isConnected() || !elements.length || this.channel.readyState !== "open") return;
    this.writer.text(NUMBER, instruction(elements));
  }

  // Finds out whether a TURN server forwards the data (`isRelayed`).
  async look() {
    const stats = await this.peer?.getStats();
    const all = [...(stats?.values() ?? [])];
    const selected = all.find(({ type }) => type === "transport")?.selectedCandidatePairId;
    const pair = stats?.get(selected) ?? all.find(({ type, nominated }) => type === "candidate-pair" && nominated);
    const ends = [stats?.get(pair?.localCandidateId), stats?.get(pair?.remoteCandidateId)];
    this.isRelayed = ends.some((end) => end?.candidateType === "relay");
  }

  // ---- time

  after(name, milliseconds, act) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(act, milliseconds);
  }

  // Something has arrived.
  watch() {
    if (this.state === CLOSED) return;
    if (this.state === UNSTABLE) this.setState(OPEN);
    this.after("receive", this.receiveTimeout, () => this.silent());
    this.after("unstable", this.unstableThreshold, () => this.isConnected() && this.setState(UNSTABLE));
    this.after("restart", RESTART_AFTER, () => this.restart());
    const now = Date.now();
    const wait = Math.max((this.pinged ?? 0) + PING_INTERVAL - now, 0);
    if (wait) this.after("ping", wait, () => this.ping());
    else this.ping();
  }

  ping() {
    this.pinged = Date.now();
    this.sendMessage(INTERNAL, "ping", this.pinged);
  }

  silent() {
    // before it is open, another status, or the chain would end here
    const code = this.wasOpen ? Code.UPSTREAM_TIMEOUT : Code.SERVER_ERROR;
    this.end(new Guacamole.Status(code, "Server timeout."));
  }

  // The network may have changed: look for another way, over a new signalling connection.
  restart() {
    const now = Date.now();
    if (!this.wasOpen || this.state === CLOSED) return;
    if (now - (this.restarted ?? 0) < RESTART_PAUSE) return;
    this.restarted = now;
    this.signal(new URLSearchParams({ tube: this.tube }), () => {
      this.signalling.send("resume", { secret: this.secret });
    });
    this.after("restart", RESTART_PAUSE, () => this.restart());
  }

  // ---- the end

  blocked() {
    this.onblocked();
    this.end(new Guacamole.Status(Code.UPSTREAM_NOT_FOUND, "WebRTC cannot connect."));
  }

  end(status) {
    if (this.state === CLOSED) return;
    this.release();
    if (status.code !== Code.SUCCESS) this.onerror?.(status);
    this.setState(CLOSED);
  }

  // Leaves the session. A chained tunnel would try the next one if this were not connected yet, and
  // told of its end.
  leave() {
    if (this.state === CLOSED) return;
    if (this.isConnected()) return this.end(new Guacamole.Status(Code.SUCCESS));
    this.release();
    this.state = CLOSED;
    return undefined;
  }

  release() {
    for (const name of Object.keys(this.timers)) clearTimeout(this.timers[name]);
    this.stop.abort();
    this.endSignalling();
    const { peer, channel } = this;
    if (!peer) return;
    peer.onicecandidate = peer.onconnectionstatechange = peer.oniceconnectionstatechange = null;
    channel.onopen = channel.onmessage = null;
    const close = () => peer.close();
    if (channel.readyState !== "open") return close();
    this.writer.close(NUMBER);
    channel.onclose = close; // once everything is sent
    setTimeout(close, CLOSE_TIME);
    return channel.close();
  }
}
