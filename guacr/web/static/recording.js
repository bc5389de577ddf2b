// A recording on the server: its index, and its bytes in blocks.

const BLOCK = 1 << 18; // bytes that are requested at a time
const BLOCKS_MAX = 128; // blocks that are kept
const AHEAD = 2; // blocks that are requested before they are needed

export class Recording {
  // `path` is that of the recording in the API; `token` grants it.
  constructor(path, token) {
    this.path = path;
    this.token = token;
    this.index = null;
    this.blocks = new Map(); // number → promise of its bytes, the least recently used first
  }

  // Reads what is known of the recording: see docs/recording.md. A recording that is still being
  // written has more of it each time.
  async load() {
    const response = await this.request(`${this.path}/index`);
    this.index = await response.json();
    return this.index;
  }

  get size() {
    return this.index.size;
  }

  // Returns some bytes from `offset` on; none at the end.
  async read(offset) {
    if (offset >= this.size) return new Uint8Array();
    const number = Math.floor(offset / BLOCK);
    const bytes = await this.block(number);
    for (let next = number + 1; next <= number + AHEAD && next * BLOCK < this.size; next += 1) {
      this.block(next).catch(() => {}); // reported when it is needed
    }
    return bytes.subarray(offset - number * BLOCK);
  }

  // Returns the whole file.
  async whole() {
    const response = await this.request(`${this.path}/data`);
    return response.blob();
  }

  // Returns the moments, in milliseconds, at which a terminal showed a text, as `found`, and how far
  // the text was searched, as `until`, if that is not all of it.
  async search(text) {
    const response = await this.request(`${this.path}/search?${new URLSearchParams({ text })}`);
    return response.json();
  }

  block(number) {
    const start = number * BLOCK;
    const end = Math.min(start + BLOCK, this.size);
    const kept = this.blocks.get(number);
    this.blocks.delete(number);
    const block = kept?.end === end ? kept : { end, bytes: this.fetch(number, { start, end }) };
    this.blocks.set(number, block);
    if (this.blocks.size > BLOCKS_MAX) this.blocks.delete(this.blocks.keys().next().value);
    return block.bytes;
  }

  async fetch(number, range) {
    try {
      const response = await this.request(`${this.path}/data`, range);
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      this.blocks.delete(number); // the next attempt may succeed
      throw error;
    }
  }

  async request(path, range = null) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    if (range) headers.Range = `bytes=${range.start}-${range.end - 1}`;
    let response;
    try {
      response = await fetch(path, { headers });
    } catch {
      throw new Error("The server does not answer.");
    }
    if (!response.ok) throw new Error(await refusal(response));
    return response;
  }
}

async function refusal(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `The server refused the request (${response.status}).`;
  }
}
