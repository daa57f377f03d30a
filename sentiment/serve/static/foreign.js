// A file that is no CSV in UTF-8. Any bytes can be cut at commas and answered, so what they are is asked first.

const HEAD = 4096;
const COMMAND = "`sentiment predict --input` on the command line";
const STARTS = [
  ["PK\x03\x04", "a spreadsheet or a zip: save its sheet as CSV"],
  ["PAR1", `Parquet, which ${COMMAND} reads`],
  ["\x1f\x8b", `gzip, which ${COMMAND} reads`],
  ["\xff\xfe", `UTF-16, which ${COMMAND} reads, with --encoding utf-16`],
  ["\xfe\xff", `UTF-16, which ${COMMAND} reads, with --encoding utf-16`],
];

const refusal = (received) => new Error(`expected a CSV or TSV in UTF-8, received ${received}`);

/** Where bytes are not UTF-8. */
export const otherEncoding = () => refusal(`another encoding, which ${COMMAND} reads, with --encoding latin-1 or so`);

/** Throw where the first bytes of `file` say that it is something else. */
export async function refuseForeign(file) {
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const head = String.fromCharCode(...bytes); // a character a byte
  const start = STARTS.find(([each]) => head.startsWith(each));
  if (start) throw refusal(start[1]);
  if (bytes.includes(0)) throw refusal(`binary data; ${COMMAND} reads Parquet, gzip and other encodings`);
  const isJson = /^\s*[[{]\s*["{}]/.test(new TextDecoder().decode(bytes)); // less a byte order mark
  if (isJson) throw refusal(`JSON, which ${COMMAND} reads as lines, .jsonl`);
}
