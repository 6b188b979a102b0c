const ROUTING_INTRO = Buffer.from([0x45, 0x44, 0x00, 0x01]);
const HEADER_LENGTH = 4;
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;

/** Cuts the byte stream of one client into frames. */
export interface FrameReader {
  /** The client's `WA` header, once it has been read. */
  header: Buffer | undefined;
  /** Adds bytes and answers the frames they complete. Throws on a stream that is not WhatsApp's. */
  push(bytes: Buffer): Buffer[];
}

/** A reader for a fresh connection: optional routing info, the `WA` header, then 3-byte lengths. */
export function createFrameReader(): FrameReader {
  let buffered: Buffer = Buffer.alloc(0);
  const reader: FrameReader = {
    header: undefined,
    push(bytes) {
      buffered = buffered.length === 0 ? bytes : Buffer.concat([buffered, bytes]);
      if (buffered.length > MAX_BUFFERED_BYTES) {
        throw new Error('frame too large');
      }
      if (!reader.header) {
        const intro = takeIntro(buffered);
        if (!intro) {
          return [];
        }
        reader.header = intro.header;
        buffered = intro.rest;
      }
      const frames: Buffer[] = [];
      while (buffered.length >= 3) {
        const end = 3 + buffered.readUIntBE(0, 3);
        if (buffered.length < end) {
          break;
        }
        frames.push(buffered.subarray(3, end));
        buffered = buffered.subarray(end);
      }
      return frames;
    },
  };
  return reader;
}

function takeIntro(bytes: Buffer): { header: Buffer; rest: Buffer } | undefined {
  let start = 0;
  if (bytes.length >= 2 && bytes.subarray(0, 2).equals(ROUTING_INTRO.subarray(0, 2))) {
    if (bytes.length < 7) {
      return undefined;
    }
    start = 7 + bytes.readUIntBE(4, 3);
  }
  if (bytes.length < start + HEADER_LENGTH) {
    return undefined;
  }
  const header = bytes.subarray(start, start + HEADER_LENGTH);
  if (header.subarray(0, 2).toString('latin1') !== 'WA') {
    throw new Error('not a WhatsApp stream');
  }
  return { header, rest: bytes.subarray(start + HEADER_LENGTH) };
}

/** One frame as it goes over the wire. */
export function encodeFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(3 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.set(payload, 3);
  return frame;
}
