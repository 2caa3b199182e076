// Draws static/icon.png, the sign of static/favicon.svg for home screens that take no SVG, as a PNG (ISO/IEC 15948): white on
// the theme's colour up to the edges, since each system cuts its own shape out of it; what matters stays within the middle.
// Usage: node scripts/icon.mjs >static/icon.png      the page's tests check that it was done
import { deflateSync } from 'node:zlib';

const SIZE = 192;
const FINE = 4; // looks at each pixel in both directions
const SCALE = 0.6; // of the sign in the picture
const [BACK, FRONT] = [[0x46, 0x56, 0xd8], [255, 255, 255]];

// The shapes of the favicon, in its 32 × 32 units.
const LINE = [[8.5, 11.5], [11.5, 17.5], [16, 10.5], [20.5, 17.5], [23.5, 11.5]];

function isNear(x, y, [ax, ay], [bx, by], reach) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy) <= reach;
}

const isBubble = (x, y) => Math.hypot(Math.max(Math.abs(x - 16) - 7, 0), Math.max(Math.abs(y - 14) - 4, 0)) <= 7;
const isTail = (x, y) => x >= 8 && y >= 20 && y <= 25 + (16 - x) * 0.7 && y <= 29.5;
const isLine = (x, y) => LINE.slice(1).some((end, i) => isNear(x, y, LINE[i], end, 1.3));
const isFront = (x, y) => (isBubble(x, y) || isTail(x, y)) && !isLine(x, y);

// How much of a pixel is front: 0 to 15.
function shade(column, row) {
  let count = 0;
  for (let i = 0; i < FINE * FINE; i++) {
    const [x, y] = [column + ((i % FINE) + 0.5) / FINE, row + (Math.floor(i / FINE) + 0.5) / FINE]
      .map((at) => ((at / SIZE - 0.5) / SCALE) * 32 + 16);
    count += isFront(x, y);
  }
  return Math.round((count / FINE / FINE) * 15);
}

// Rows of pixels, two in a byte, each with filter 0 in front.
export function pixels() {
  return Buffer.concat(Array.from({ length: SIZE }, (_, row) =>
    Buffer.from([0, ...Array.from({ length: SIZE / 2 }, (__, i) => shade(2 * i, row) * 16 + shade(2 * i + 1, row))])));
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
  }
  return ~crc;
}

const number = (value) => Buffer.from([24, 16, 8, 0].map((shift) => (value >>> shift) & 255));

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([number(data.length), body, number(crc32(body))]);
}

if (process.argv[1]?.endsWith('icon.mjs')) {
  const palette = Array.from({ length: 16 }, (_, i) => BACK.map((back, k) => Math.round(back + ((FRONT[k] - back) * i) / 15)));
  process.stdout.write(Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.concat([number(SIZE), number(SIZE), Buffer.from([4, 3, 0, 0, 0])])), // 4 bits, a palette
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(pixels(), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]));
}
