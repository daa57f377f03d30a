/**
 * Tweet sentiment from an exported model folder, or from the archive that `sentiment pack` makes of it, in Node 20 or later and in browsers. It has no dependencies.
 *
 *     import { loadModel } from "./models/sample/sentiment.mjs";
 *     const model = await loadModel("./models/sample");
 *     model.predict(["I love this"]); // [{ label, probabilities, known }]
 *
 * The rules of the text treatment, the lexicon and the network are read from the folder. The answers are those of the
 * Python package: the ids are equal, and a probability differs by less than 1e-5.
 */

const PADDING = 0; // as the id of a token: it is dropped
const UNKNOWN = 1;
const FORMAT = 3;
const MOST_REMEMBERED = 1 << 15; // chunks
const LONGEST_REMEMBERED = 64; // UTF-16 units
const REMEDY = "fetch the whole model again, or export it again";
const SMALLEST = 1e-12; // of a probability whose logarithm is taken

/**
 * Read a model.
 * @param {string | URL | ((name: string) => Promise<Uint8Array>)} source the path (Node) or address (browsers) of the
 *     folder or of a packed model, which ends in `.zip`; or a function that returns the content of the file of a name.
 * @returns {Promise<Model>}
 * @throws {Error} a file is missing or damaged, or is not of a model that this module can read.
 */
export async function loadModel(source) {
  const read = typeof source === "function" ? source : await readerOf(String(source));
  const model = parsed("model.json", readJson, await read("model.json"));
  if (model.format !== FORMAT) throw new Error(`model.json: expected format ${FORMAT}, received ${model.format}`);
  const names = ["preprocessing.json", "lexicon.tsv", "vocabulary.txt", "table.npy", "weights.npz"];
  const contents = await Promise.all(names.map(async (name) => checked(name, await read(name), model.sha256[name])));
  const readers = [readJson, decoded, decoded, readNpy, readNpz];
  const [treatment, lexicon, vocabulary, table, weights] = readers.map((each, i) => parsed(names[i], each, contents[i]));
  const text = new TextTreatment(treatment, lexicon);
  return new Model(model.classes, text, new Network(model.network, table, weights), vocabulary.split("\n").slice(0, -1));
}

/** Return the content of a file if it has the checksum that model.json states. A page of plain http cannot compare. */
async function checked(name, content, expected) {
  if (!globalThis.crypto?.subtle) return content;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const received = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (received === expected) return content;
  throw new Error(`${name}: does not belong to this model (its checksum is not the one in model.json); ${REMEDY}`);
}

/** Return what `parse` makes of the content of a file; an error names the file. */
function parsed(name, parse, content) {
  try {
    return parse(content);
  } catch (error) {
    throw new Error(`${name}: damaged (${error.message}); ${REMEDY}`);
  }
}

const decoded = (content) => new TextDecoder().decode(content);
const readJson = (content) => JSON.parse(decoded(content));

/** A text treatment, a network and the names of its classes. */
export class Model {
  constructor(classes, text, network, vocabulary) {
    Object.assign(this, { classes, text, network, vocabulary });
  }

  /**
   * Answer each of some texts.
   * @param {string[]} texts
   * @returns {{label: string, probabilities: number[], known: number}[]} `label` is the most probable class, or
   *     "unknown" where `known`, the share of known tokens, is 0. `probabilities` are in the order of `classes`.
   */
  predict(texts) {
    return texts.map((text) => {
      const ids = this.text.encode(text);
      const probabilities = this.network.probabilities(ids);
      const known = ids.filter((id) => !this.text.sayingNothing.has(id)).length / ids.length;
      return { label: known ? this.classes[indexOfLargest(probabilities)] : "unknown", probabilities, known };
    });
  }

  /**
   * Label a text, and measure what each token contributes: the log-odds of the label with all tokens, less those
   * without this token.
   * @param {string} text
   * @returns {{label: string, probability: number, logOdds: number, tokens: {token: string, state: string,
   *     lemma: string, id: number, contribution: number | null}[]}} `state` is "kept", "unknown", "not seen in
   *     training", "stop word" or "cut off". `contribution` is null where the network does not see the token.
   */
  explain(text) {
    const tokens = this.text.tokensOf(text);
    const ids = tokens.map((token) => this.text.idOf(token));
    const states = this.text.statesOf(ids);
    const seen = ids.filter((id, i) => states[i] !== "stop word" && states[i] !== "cut off");
    const probabilities = this.network.probabilities(seen.length ? seen : [UNKNOWN]);
    const best = indexOfLargest(probabilities);
    const all = logOdds(probabilities, best);
    let place = 0;
    const contribution = () => {
      const others = seen.toSpliced(place++, 1);
      return all - logOdds(this.network.probabilities(others.length ? others : [UNKNOWN]), best);
    };
    const views = tokens.map((token, i) => ({
      token,
      state: states[i],
      lemma: ids[i] === PADDING ? "" : this.vocabulary[ids[i]],
      id: ids[i],
      contribution: states[i] === "stop word" || states[i] === "cut off" ? null : contribution(),
    }));
    return { label: this.classes[best], probability: probabilities[best], logOdds: all, tokens: views };
  }
}

/** Raw text to ids, by the rules of `preprocessing.json` and the lexicon. */
export class TextTreatment {
  constructor(treatment, lexicon) {
    if (!treatment.hashtag) throw new Error("preprocessing.json: it is of an earlier version; export the model again");
    this.maxTokens = treatment.max_tokens;
    this.seen = treatment.seen;
    this.sayingNothing = new Set(treatment.saying_nothing);
    this.longMark = treatment.long_mark;
    this.hashtag = compile(treatment.hashtag);
    this.whiteSpace = new RegExp(treatment.white_space, "u");
    this.rules = treatment.rules.map(compile);
    const pairs = lexicon.split("\n").slice(0, -1).map((line) => line.split("\t"));
    this.lexicon = new Map(pairs.map(([token, id]) => [token, Number(id)]));
    this.remembered = new Map();
  }

  /** Return the ids of the kept tokens of `text`, at most `maxTokens`; a text without any is one unknown token. */
  encode(text) {
    const ids = [];
    for (const chunk of this.chunksOf(text)) {
      for (const id of this.idsOfChunk(chunk)) ids.push(id);
      if (ids.length >= this.maxTokens) return ids.slice(0, this.maxTokens);
    }
    return ids.length ? ids : [UNKNOWN];
  }

  /** Return the tokens of `text` in their order, including those that are dropped. */
  tokensOf(text) {
    return this.chunksOf(text).flatMap((chunk) => this.tokensOfChunk(chunk));
  }

  /** Return the id of a token; an elongated one that the lexicon lacks is looked up without its mark. */
  idOf(token) {
    const id = this.lexicon.get(token);
    if (id !== undefined) return id;
    return token.startsWith(this.longMark) ? this.lexicon.get(token.slice(this.longMark.length)) ?? UNKNOWN : UNKNOWN;
  }

  /** Return the state of each token of a text from its id. */
  statesOf(ids) {
    let kept = 0;
    return ids.map((id) => {
      if (id === PADDING) return "stop word";
      if (++kept > this.maxTokens) return "cut off";
      if (id === UNKNOWN) return "unknown";
      return id >= this.seen ? "not seen in training" : "kept";
    });
  }

  /** Return the stretches between white space, in lower case; of letters, only those of ASCII change case. */
  chunksOf(text) {
    if (typeof text !== "string") throw new TypeError(`expected a string, received ${typeof text}`);
    const cut = text.includes("#") ? apply(this.hashtag, text.toWellFormed()) : text.toWellFormed();
    return cut.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).split(this.whiteSpace);
  }

  /** Return the tokens of a chunk. No rule looks across white space, so a chunk always has the same tokens. */
  tokensOfChunk(chunk) {
    return this.rules.reduce((text, rule) => apply(rule, text), chunk).split(" ").filter(Boolean);
  }

  idsOfChunk(chunk) {
    let ids = this.remembered.get(chunk);
    if (ids === undefined) {
      ids = this.tokensOfChunk(chunk).map((token) => this.idOf(token)).filter((id) => id !== PADDING);
      if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
      if (chunk.length <= LONGEST_REMEMBERED) this.remembered.set(chunk, ids);
    }
    return ids;
  }
}

/** The recurrent network, in which everything that depends on the token alone is one table. */
export class Network {
  constructor(kinds, table, weights) {
    const [directions, , width] = table.shape;
    this.pooling = kinds.pooling.split("_");
    this.step = STEPS[kinds.cell];
    this.activation = ACTIVATIONS[kinds.activation];
    if (!this.step || !this.activation) throw new Error(`model.json: no network of ${JSON.stringify(kinds)}`);
    this.table = table;
    this.scales = weights.scales?.values;
    this.units = weights.kernel_0.shape[0];
    this.width = width;
    this.directions = Array.from({ length: directions }, (_, i) => ({
      kernel: Float64Array.from(weights[`kernel_${i}`].values),
      bias: weights[`bias_${i}`]?.values,
    }));
    this.outputKernel = Float64Array.from(weights.output_kernel.values);
    this.outputBias = weights.output_bias.values;
    this.ngrams = weights.ngram_scores;
    this.ngramScales = weights.ngram_scales?.values;
  }

  /** Return the probabilities of the classes for one row of at least one id. */
  probabilities(ids) {
    const backward = [...ids].reverse();
    const states = this.directions.map((_, direction) => this.statesOf(direction ? backward : ids, direction));
    const pooled = this.pooling.flatMap((kind) => states.map((each) => POOLED[kind](each)));
    const logits = Float64Array.from(this.outputBias);
    const pooledStates = new Float64Array(pooled.length * this.units);
    pooled.forEach((part, i) => pooledStates.set(part, i * this.units));
    addProduct(logits, pooledStates, this.outputKernel);
    if (this.ngrams) this.addNgrams(logits, ids);
    return softmax(logits);
  }

  /** Return the hidden state after each step of one direction. */
  statesOf(ids, direction) {
    const { kernel, bias } = this.directions[direction];
    let carried = { state: new Float64Array(this.units), memory: new Float64Array(this.units) };
    return ids.map((id) => {
      carried = this.step(this.rowOf(id, direction), carried, kernel, bias, this.activation);
      return carried.state;
    });
  }

  /** Return x W_x + b of a token, which is what the table contains. */
  rowOf(id, direction) {
    const row = direction * this.table.shape[1] + id;
    const scale = this.scales ? this.scales[row] : 1;
    const numbers = new Float64Array(this.width);
    for (let i = 0, from = row * this.width; i < this.width; i++) numbers[i] = this.table.values[from + i] * scale;
    return numbers;
  }

  /** Add the scores of single tokens, pairs and triples to the logits, divided by the root of the number of tokens. */
  addNgrams(logits, ids) {
    const { values, shape } = this.ngrams;
    const sums = new Float64Array(logits.length);
    const real = ids.filter((id) => id !== PADDING).length;
    ids.forEach((id, i) => {
      if (id === PADDING) return;
      const before = ids[i - 1] ?? PADDING;
      for (const ngram of [[id], [before, id], [before, id, ids[i + 1] ?? PADDING]]) {
        const from = bucketOf(ngram, shape[0]) * logits.length;
        for (let c = 0; c < logits.length; c++) sums[c] += values[from + c];
      }
    });
    const divisor = Math.sqrt(Math.max(real, 1));
    for (let c = 0; c < logits.length; c++) logits[c] += (sums[c] / divisor) * (this.ngramScales?.[c] ?? 1);
  }
}

const ACTIVATIONS = { tanh: Math.tanh, softsign: (x) => x / (1 + Math.abs(x)) };
const sigmoid = (x) => 0.5 + 0.5 * Math.tanh(0.5 * x);

/** One step of each cell: `projected` is x W_x + b, which may be overwritten. The order of the gates is Keras's. */
const STEPS = {
  simple_rnn(projected, { state }, kernel, bias, activation) {
    addProduct(projected, state, kernel);
    for (let i = 0; i < projected.length; i++) projected[i] = activation(projected[i]);
    return { state: projected };
  },

  gru(projected, { state }, kernel, bias, activation) {
    const units = state.length;
    const recurrent = Float64Array.from(bias);
    addProduct(recurrent, state, kernel);
    const next = state.map((before, i) => {
      const update = sigmoid(projected[i] + recurrent[i]);
      const reset = sigmoid(projected[units + i] + recurrent[units + i]);
      const candidate = activation(projected[2 * units + i] + reset * recurrent[2 * units + i]);
      return update * before + (1 - update) * candidate;
    });
    return { state: next };
  },

  lstm(projected, { state, memory }, kernel, bias, activation) {
    const units = state.length;
    addProduct(projected, state, kernel);
    const kept = memory.map((before, i) => {
      const candidate = activation(projected[2 * units + i]);
      return sigmoid(projected[units + i]) * before + sigmoid(projected[i]) * candidate;
    });
    return { state: kept.map((each, i) => sigmoid(projected[3 * units + i]) * activation(each)), memory: kept };
  },
};

const POOLED = {
  last: (states) => states.at(-1),
  max: (states) => folded(states, Math.max),
  mean: (states) => folded(states, (sum, each) => sum + each).map((sum) => sum / states.length),
};

/** Return the states joined element by element. */
function folded(states, join) {
  const joined = Float64Array.from(states[0]);
  for (let step = 1; step < states.length; step++) {
    const state = states[step];
    for (let i = 0; i < joined.length; i++) joined[i] = join(joined[i], state[i]);
  }
  return joined;
}

/** Add `state` times `kernel`, whose rows follow one another, to `sums`. Eight rows at a time take a third less time. */
function addProduct(sums, state, kernel) {
  const w = sums.length;
  let row = 0;
  for (; row + 8 <= state.length; row += 8) {
    const a = state[row], b = state[row + 1], c = state[row + 2], d = state[row + 3];
    const e = state[row + 4], f = state[row + 5], g = state[row + 6], h = state[row + 7];
    for (let i = 0, k = row * w; i < w; i++, k++) {
      const first = a * kernel[k] + b * kernel[k + w] + c * kernel[k + 2 * w] + d * kernel[k + 3 * w];
      const second = e * kernel[k + 4 * w] + f * kernel[k + 5 * w] + g * kernel[k + 6 * w] + h * kernel[k + 7 * w];
      sums[i] += first + second;
    }
  }
  for (; row < state.length; row++) {
    for (let i = 0; i < w; i++) sums[i] += state[row] * kernel[row * w + i];
  }
}

/** Return the bucket of the scores of an n-gram of ids. */
function bucketOf(ngram, buckets) {
  return ngram.reduce((code, id) => (code * 1109 + id) % buckets, ngram.length);
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((one, other) => one + other);
  return powers.map((power) => power / sum);
}

function indexOfLargest(numbers) {
  return numbers.indexOf(Math.max(...numbers));
}

function logOdds(probabilities, index) {
  const others = probabilities.reduce((sum, each, i) => (i === index ? sum : sum + each), 0);
  return Math.log(Math.max(probabilities[index], SMALLEST)) - Math.log(Math.max(others, SMALLEST));
}

/** Make a rule in RE2's syntax ready to run: its replacement names groups `\1` to `\9`, JavaScript's `$1` to `$9`. */
function compile({ pattern, replacement }) {
  return { pattern: new RegExp(pattern, "gu"), replacement: replacement.replaceAll("$", "$$$$").replace(/\\(\d)/g, "$$$1") };
}

function apply({ pattern, replacement }, text) {
  return text.replace(pattern, replacement);
}

/** Return a function that returns the content of the file of a name, from a folder or a packed model. */
async function readerOf(place) {
  if (!place.endsWith(".zip")) return (name) => contentOf(place.replace(/\/*$/, `/${name}`));
  const members = parsed(place, readZip, await contentOf(place));
  return async (name) => {
    if (!members.has(name)) throw new Error(`${place}: ${name} is missing`);
    const { content, compressed } = members.get(name);
    if (!compressed) return content;
    const unpacked = new Blob([content]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const damaged = ({ message }) => { throw new Error(`${place}: ${name} is damaged (${message}); ${REMEDY}`); };
    return new Uint8Array(await new Response(unpacked).arrayBuffer().catch(damaged));
  };
}

/** Return the content of a file: of the disk in Node, of an address elsewhere. */
async function contentOf(place) {
  if (globalThis.process?.versions?.node && !/^https?:/.test(place)) {
    const { readFile } = await import("node:fs/promises");
    return readFile(place.startsWith("file:") ? new URL(place) : place);
  }
  const response = await fetch(place);
  if (!response.ok) throw new Error(`${place}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const NUMBERS = { "|i1": Int8Array, "<i2": Int16Array, "<i4": Int32Array, "<f4": Float32Array, "<f8": Float64Array };

/** Return the shape and the numbers of an array in NumPy's format `.npy`. */
export function readNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6] > 1; // version 1 has two bytes for the length of the header, later ones have four
  const start = long ? 12 : 10;
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const [, type, order, shape] = /'descr': '(.*?)', 'fortran_order': (\w+), 'shape': \((.*?)\)/.exec(header) ?? [];
  if (!NUMBERS[type] || order !== "False") throw new Error(`an array of this kind cannot be read: ${header.trim()}`);
  const values = new NUMBERS[type](bytes.buffer.slice(bytes.byteOffset + end, bytes.byteOffset + bytes.length));
  const sizes = shape.split(",").filter((each) => each.trim()).map(Number);
  const count = sizes.reduce((one, other) => one * other, 1);
  if (values.length !== count) throw new Error(`expected ${count} numbers, received ${values.length}`);
  return { shape: sizes, values };
}

/** Return the arrays of an uncompressed `.npz` by their names: a zip archive of `.npy` files. */
function readNpz(bytes) {
  const members = [...readZip(bytes)];
  if (members.some(([, { compressed }]) => compressed)) throw new Error("weights.npz: expected no compression");
  return Object.fromEntries(members.map(([name, { content }]) => [name.replace(/\.npy$/, ""), readNpy(content)]));
}

/** Return the members of a zip archive by their names, as they are stored. */
function readZip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22; // of the archive's directory; a comment may follow
  while (end > 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end <= 0) throw new Error("expected a zip archive");
  const members = new Map();
  let entry = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count--) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(entry + offset, true));
    const [size, header] = [20, 42].map((offset) => view.getUint32(entry + offset, true));
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    const content = bytes.subarray(start, start + size);
    const compressed = view.getUint16(entry + 10, true) !== 0;
    members.set(new TextDecoder().decode(bytes.subarray(entry + 46, entry + 46 + name)), { content, compressed });
    entry += 46 + name + extra + comment;
  }
  return members;
}
