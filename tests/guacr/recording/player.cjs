// Plays a recording with Apache Guacamole's player, and prints what its client is sent.
//
//     node player.cjs PACKAGE RECORDING POSITION…
//
// POSITION is in milliseconds, or "end". After each seek, the instructions that make up the picture
// are printed as a line of JSON: {"position", "duration", "instructions": [[opcode, argument…], …]}.

const fs = require("fs");
const [packagePath, recordingPath, ...positions] = process.argv.slice(2);

global.window = global;
global.document = { createElement: () => ({ style: {}, getContext: () => ({}) }) };
global.FileReader = class {
  readyState = 0;
  readAsText(blob) {
    blob.text().then((text) => {
      this.result = text;
      this.readyState = 2;
      this.onload();
    });
  }
};

const Guacamole = require(`${packagePath}/dist/cjs/guacamole-common.js`);

// A client that keeps what it receives; its state is the instructions up to a frame.
let received = [];
Guacamole.Client = class {
  constructor(tunnel) {
    tunnel.oninstruction = (opcode, args) => received.push([opcode, ...args]);
  }
  connect() {}
  getDisplay() {
    return { showCursor() {} };
  }
  exportState(callback) {
    callback({ received: [...received] });
  }
  importState(state) {
    received = state.received;
  }
};

// As StaticHTTPTunnel does: the text arrives in pieces, and is parsed.
const tunnel = new Guacamole.Tunnel();
tunnel.connect = () => {
  const parser = new Guacamole.Parser();
  parser.oninstruction = (opcode, args) => tunnel.oninstruction(opcode, args);
  const text = fs.readFileSync(recordingPath, "utf8");
  for (let start = 0; start < text.length; start += 50021) {
    parser.receive(text.slice(start, start + 50021));
  }
  tunnel.onstatechange(Guacamole.Tunnel.State.CLOSED);
};

const recording = new Guacamole.SessionRecording(tunnel);
recording.onerror = (message) => {
  console.error(message);
  process.exit(1);
};
recording.onload = () => {
  const duration = recording.getDuration();
  const next = () => {
    if (!positions.length) {
      return;
    }
    const wanted = positions.shift();
    recording.seek(wanted === "end" ? duration : Number(wanted), () => {
      const position = recording.getPosition();
      console.log(JSON.stringify({ position, duration, instructions: received }));
      next();
    });
  };
  next();
};
recording.connect();
