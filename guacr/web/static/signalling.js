// Signalling for WebRTC: JSON messages over a WebSocket (docs/protocol.md).

export class Signalling {
  // `query` says what to open, or which tube; `on` has a function for each type of message, and
  // `lost`, which is called if the connection ends before `close`.
  constructor(query, on) {
    const address = new URL(`webrtc?${query}`, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = "";
    this.socket = new WebSocket(address);
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      on[message.type]?.(message);
    };
    this.socket.onclose = () => on.lost();
  }

  send(type, values) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, ...values }));
  }

  whenOpen(act) {
    this.socket.onopen = act;
  }

  close() {
    this.socket.onmessage = this.socket.onclose = this.socket.onopen = null;
    this.socket.close();
  }
}
