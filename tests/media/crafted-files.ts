/** Files that are made to cost whoever reads them as much as possible. */
import { crc32, deflateSync } from 'node:zlib';

/** `head`, and then `piece` again and again, up to `size` bytes. */
function filledWith(head: Buffer, piece: Buffer, size: number): Buffer {
  const body = Buffer.alloc(Math.max(0, size - head.length), piece);
  return Buffer.concat([head, body]);
}

const ascii = (text: string) => Buffer.from(text, 'latin1');

function u32(value: number, littleEndian = false): Buffer {
  const bytes = Buffer.alloc(4);
  if (littleEndian) bytes.writeUInt32LE(value);
  else bytes.writeUInt32BE(value);
  return bytes;
}

/** A PNG of that size whose pixels are never there. */
function pngHead(width: number, height: number): Buffer {
  const ihdr = Buffer.concat([ascii('IHDR'), u32(width), u32(height), Buffer.from([8, 6, 0, 0, 0])]);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), u32(13), ihdr, u32(crc32(ihdr))]);
}

/** A PNG of one colour: many pixels in few bytes. */
export function pngOf(width: number, height: number): Buffer {
  const idat = Buffer.concat([ascii('IDAT'), deflateSync(Buffer.alloc((width * 4 + 1) * height))]);
  const iend = ascii('IEND');
  const chunk = (body: Buffer) => Buffer.concat([u32(body.length - 4), body, u32(crc32(body))]);
  return Buffer.concat([pngHead(width, height), chunk(idat), chunk(iend)]);
}

const emptyBox = (type: string) => Buffer.concat([u32(8), ascii(type)]);
const ftyp = (brand: string) => Buffer.concat([u32(24), ascii(`ftyp${brand}`), u32(512), ascii('isommp41')]);

/** A box around others that fill it. */
function boxOf(type: string, content: Buffer, size: number): Buffer {
  return filledWith(Buffer.concat([u32(size), ascii(type)]), content, size);
}

/** One of each kind that is looked into, `size` bytes long. */
export function craftedFiles(size: number): Record<string, Buffer> {
  const vorbisComments = Buffer.concat([u32(0, true), u32(0x00ffffff, true)]);
  const zipEntry = Buffer.concat([
    Buffer.from('504b0304140000000000', 'hex'),
    Buffer.alloc(16),
    Buffer.from([1, 0, 0, 0]),
    ascii('a'),
  ]);
  return {
    'a WAV of many chunks': filledWith(
      Buffer.concat([ascii('RIFF'), u32(size - 8, true), ascii('WAVE')]),
      Buffer.concat([ascii('LIST'), u32(0, true)]),
      size,
    ),
    'an M4A of many boxes': filledWith(ftyp('M4A '), emptyBox('free'), size),
    'an M4A of a film box of many boxes': Buffer.concat([
      ftyp('M4A '),
      boxOf('moov', emptyBox('trak'), size - 24),
    ]),
    'an M4A of boxes in boxes': filledWith(
      ftyp('M4A '),
      Buffer.concat([u32(0x7fffffff), ascii('moov')]),
      size,
    ),
    'a film of many boxes': filledWith(ftyp('isom'), emptyBox('moov'), size),
    'a FLAC of many blocks': filledWith(ascii('fLaC'), Buffer.from([1, 0, 0, 0]), size),
    'a FLAC of many comments': filledWith(
      Buffer.concat([ascii('fLaC'), Buffer.from([4, 0xff, 0xff, 0xff]), vorbisComments]),
      Buffer.concat([u32(1, true), ascii('=')]),
      size,
    ),
    'an AAC of tiny frames': filledWith(Buffer.alloc(0), Buffer.from('fff14c8000fffc', 'hex'), size),
    'an MP3 of tiny frames': filledWith(
      Buffer.alloc(0),
      Buffer.from('fff314c4'.padEnd(48, '0'), 'hex'),
      size,
    ),
    'an MP3 of many tags': filledWith(
      Buffer.concat([ascii('ID3'), Buffer.from([3, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f])]),
      Buffer.concat([ascii('TXXX'), u32(1), Buffer.alloc(3)]),
      size,
    ),
    'an Ogg of empty pages': filledWith(
      Buffer.concat([
        ascii('OggS'),
        Buffer.from([0, 2]),
        Buffer.alloc(20),
        Buffer.from([1, 8]),
        ascii('OpusHead'),
      ]),
      Buffer.concat([ascii('OggS'), Buffer.alloc(23)]),
      size,
    ),
    'an Ogg of many packets': filledWith(
      Buffer.concat([
        ascii('OggS'),
        Buffer.from([0, 2]),
        Buffer.alloc(20),
        Buffer.from([1, 19]),
        ascii('OpusHead'),
        Buffer.from([1, 1, ...new Array(9).fill(0)]),
      ]),
      Buffer.concat([
        ascii('OggS'),
        Buffer.alloc(22),
        Buffer.from([255]),
        Buffer.alloc(255, 1),
        Buffer.alloc(255, 0xfc),
      ]),
      size,
    ),
    'a PNG of many chunks': filledWith(pngHead(10, 10), Buffer.concat([u32(0), ascii('tEXt'), u32(0)]), size),
    'a PNG of four billion pixels': filledWith(pngHead(65_000, 65_000), Buffer.alloc(64), size),
    'a JPEG of many segments': filledWith(Buffer.from('ffd8', 'hex'), Buffer.from('ffe10002', 'hex'), size),
    'a GIF of many extensions': filledWith(
      ascii('GIF89a\x01\0\x01\0\0\0\0'),
      Buffer.from('21fe00', 'hex'),
      size,
    ),
    'a WebP of many chunks': filledWith(
      Buffer.concat([
        ascii('RIFF'),
        u32(size - 8, true),
        ascii('WEBPVP8X'),
        u32(10, true),
        Buffer.from([2, 0, 0, 0, 9, 0, 0, 9, 0, 0]),
      ]),
      Buffer.concat([ascii('ANMF'), u32(0, true)]),
      size,
    ),
    'a PDF of many trees': filledWith(ascii('%PDF-1.7\n'), ascii('<</Type /Pages /Count 1 '), size),
    'a PDF of many streams': filledWith(ascii('%PDF-1.7\n'), ascii('/ObjStm stream\n'), size),
    'a ZIP of many entries': filledWith(Buffer.alloc(0), zipEntry, size),
    'an old Office file': filledWith(Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from([1, 0, 0, 0]), size),
    'a Matroska of many elements': filledWith(
      Buffer.from('1a45dfa3', 'hex'),
      Buffer.from('4286810000', 'hex'),
      size,
    ),
    'an ASF of many objects': filledWith(
      Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'),
      Buffer.concat([Buffer.alloc(16, 7), u32(24, true), u32(0)]),
      size,
    ),
    'nothing but zeros': Buffer.alloc(size),
    'a text of one line': Buffer.alloc(size, 'x'),
  };
}
