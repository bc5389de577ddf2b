// guacamole-lite as its users run it; arguments: the daemon's port, the key, the inactivity limit.
const http = require("node:http");
const GuacamoleLite = require("guacamole-lite");

const [guacdPort, key, maxInactivityTime] = process.argv.slice(2);
const CLIENT_SETTINGS = ["width", "height", "dpi", "audio", "video", "image", "timezone"];
const server = http.createServer();

new GuacamoleLite(
  { server },
  { host: "127.0.0.1", port: Number(guacdPort) },
  {
    crypt: { cypher: "AES-256-CBC", key },
    maxInactivityTime: Number(maxInactivityTime),
    allowedUnencryptedConnectionSettings: { testcard: CLIENT_SETTINGS },
    connectionDefaultSettings: {
      testcard: { width: 640, height: 480, dpi: 96, audio: ["audio/L16"], video: null, image: ["image/png"], timezone: null },
    },
    log: { level: "ERRORS" },
  },
);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
