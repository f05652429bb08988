import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const TRUE_COLOUR = 2;
/** Each byte is told as its difference from the one above: screens repeat themselves downwards. */
const UP = 2;

/** A PNG file (ISO/IEC 15948) of a picture of three bytes a pixel: red, green, blue. */
export async function encodePng(width: number, height: number, pixels: Buffer): Promise<Buffer> {
  const stride = width * 3;
  const rows = Buffer.allocUnsafe((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    let to = y * (stride + 1);
    rows[to++] = y === 0 ? 0 : UP;
    const from = y * stride;
    if (y === 0) pixels.copy(rows, to, 0, stride);
    else for (let i = from; i < from + stride; i++) rows[to++] = (pixels[i] ?? 0) - (pixels[i - stride] ?? 0);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, TRUE_COLOUR], 8);
  const data = await promisify(deflate)(rows, { level: 6 });
  return Buffer.concat([Buffer.from(SIGNATURE), chunk('IHDR', header), chunk('IDAT', data), chunk('IEND')]);
}

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), whole.length - 4);
  return whole;
}
