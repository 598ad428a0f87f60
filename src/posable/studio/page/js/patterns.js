/** Fabrics drawn in two colours: tiles that repeat without a seam, as PNG. */

const TILE_PX = 128;

/** Place, radius and turn of a leopard's spots, in shares of the tile. */
const ROSETTES = [
  [0.16, 0.14, 0.07, 0],
  [0.5, 0.2, 0.06, 2],
  [0.84, 0.1, 0.065, 4],
  [0.3, 0.44, 0.065, 1],
  [0.68, 0.46, 0.075, 5],
  [0.05, 0.62, 0.055, 3],
  [0.46, 0.74, 0.07, 2.5],
  [0.8, 0.8, 0.06, 0.7],
  [0.2, 0.86, 0.05, 4.4],
];

/** @typedef {(pen: CanvasRenderingContext2D, size: number) => void} Painter  paints with the pen's fill over the ground */

/** @type {Record<string, Painter>} */
const PAINTERS = {
  plain: () => {},
  stripes: (pen, s) => {
    for (let i = 0; i < 4; i++) pen.fillRect(0, (i * s) / 4, s, s / 8);
  },
  pinstripes: (pen, s) => {
    for (let i = 0; i < 8; i++) pen.fillRect((i * s) / 8, 0, s / 40, s);
  },
  checks: (pen, s) => {
    for (let i = 0; i < 4; i++) for (let j = i % 2; j < 4; j += 2) pen.fillRect((j * s) / 4, (i * s) / 4, s / 4, s / 4);
  },
  gingham: (pen, s) => {
    pen.globalAlpha = 0.5;
    for (let i = 0; i < 4; i++) {
      pen.fillRect(0, (i * s) / 4, s, s / 8);
      pen.fillRect((i * s) / 4, 0, s / 8, s);
    }
  },
  tartan: (pen, s) => {
    for (const [at, width, alpha] of [
      [0.05, 0.22, 0.55],
      [0.4, 0.06, 0.8],
      [0.52, 0.06, 0.8],
      [0.72, 0.16, 0.35],
    ]) {
      pen.globalAlpha = alpha;
      pen.fillRect(0, at * s, s, width * s);
      pen.fillRect(at * s, 0, width * s, s);
    }
  },
  dots: (pen, s) => {
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++) disc(pen, ((j + (i % 2) / 2) * s) / 4 + s / 16, (i * s) / 4 + s / 8, s / 14, s);
  },
  zigzag: (pen, s) => {
    for (let row = -1; row < 5; row++) {
      const top = (row * s) / 4;
      pen.beginPath();
      pen.moveTo(0, top + s / 8);
      for (let i = 1; i <= 8; i++) pen.lineTo((i * s) / 8, top + (i % 2 ? 0 : s / 8));
      for (let i = 8; i >= 0; i--) pen.lineTo((i * s) / 8, top + s / 8 + (i % 2 ? 0 : s / 8));
      pen.fill();
    }
  },
  argyle: (pen, s) => {
    for (const [x, y] of [
      [0.25, 0.25],
      [0.75, 0.75],
    ]) {
      pen.beginPath();
      for (const [dx, dy] of [
        [0, -0.25],
        [0.25, 0],
        [0, 0.25],
        [-0.25, 0],
      ])
        pen.lineTo((x + dx) * s, (y + dy) * s);
      pen.fill();
    }
    pen.strokeStyle = "#ffffff";
    pen.globalAlpha = 0.6;
    pen.lineWidth = s / 64;
    pen.beginPath();
    for (const k of [-1, 0, 1]) {
      (pen.moveTo(k * s, 0), pen.lineTo((k + 1) * s, s));
      (pen.moveTo((k + 1) * s, 0), pen.lineTo(k * s, s));
    }
    pen.stroke();
  },
  flowers: (pen, s) => {
    for (const [x, y, r] of [
      [0.25, 0.28, 0.1],
      [0.74, 0.72, 0.12],
      [0.8, 0.2, 0.06],
      [0.22, 0.8, 0.06],
    ]) {
      for (let petal = 0; petal < 5; petal++) {
        const angle = (petal * 2 * Math.PI) / 5 + x * 7;
        disc(pen, (x + r * Math.cos(angle)) * s, (y + r * Math.sin(angle)) * s, r * 0.62 * s, s);
      }
    }
  },
  leopard: (pen, s) => {
    for (const [x, y, r, turn] of ROSETTES) {
      for (const angle of [0, 2.1, 4.0]) {
        const [dx, dy] = [Math.cos(angle + turn) * r, Math.sin(angle + turn) * r];
        disc(pen, (x + dx) * s, (y + dy) * s, r * 0.62 * s, s);
        disc(pen, (x + dx * 0.7 - dy * 0.7) * s, (y + dy * 0.7 + dx * 0.7) * s, r * 0.45 * s, s);
      }
    }
  },
};

export const PATTERNS = Object.keys(PAINTERS);

/** @param {string} name one of PATTERNS @param {string} ground @param {string} ink colours as #rrggbb @returns {HTMLCanvasElement} */
function drawPattern(name, ground, ink) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = TILE_PX;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = ground;
  pen.fillRect(0, 0, TILE_PX, TILE_PX);
  pen.fillStyle = ink;
  PAINTERS[name](pen, TILE_PX);
  return canvas;
}

/** The fabric as cloth lies on a table: more than one tile of it. @returns {HTMLCanvasElement} */
export function drawSwatch(name, ground, ink) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1.25 * TILE_PX, TILE_PX];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(0.7, 0.7);
  pen.fillStyle = /** @type {CanvasPattern} */ (pen.createPattern(drawPattern(name, ground, ink), "repeat"));
  pen.fillRect(0, 0, 2 * TILE_PX, 2 * TILE_PX);
  return canvas;
}

/** @returns {Promise<Blob>} PNG */
export function patternBlob(name, ground, ink) {
  return new Promise((done) =>
    drawPattern(name, ground, ink).toBlob((blob) => done(/** @type {Blob} */ (blob)), "image/png"),
  );
}

/** A disc, drawn again on the other side where it crosses the edge. */
function disc(pen, x, y, radius, size) {
  for (const dx of [-size, 0, size]) {
    for (const dy of [-size, 0, size]) {
      pen.beginPath();
      pen.arc(x + dx, y + dy, radius, 0, 2 * Math.PI);
      pen.fill();
    }
  }
}
