/** Zip archives of stored (uncompressed) files: pictures are compressed already. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
const JANUARY_1980 = 0x0021;
const UTF8_NAMES = 0x0800;

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** @param {[number, number][]} fields pairs of width in bytes (2 or 4) and value */
function record(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}

/** @param {{name: string, blob: Blob}[]} files with names that differ @returns {Promise<Blob>} */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const path = new TextEncoder().encode(name);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    /** @type {[number, number][]} */
    const shared = [
      [2, 20],
      [2, UTF8_NAMES],
      [2, 0],
      [2, 0],
      [2, JANUARY_1980],
      [4, crc32(bytes)],
      [4, bytes.length],
      [4, bytes.length],
      [2, path.length],
      [2, 0],
    ];
    directory.push(record([[4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), path);
    const head = record([[4, 0x04034b50], ...shared]);
    parts.push(head, path, bytes);
    offset += head.length + path.length + bytes.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = record([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, length],
    [4, offset],
    [2, 0],
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
