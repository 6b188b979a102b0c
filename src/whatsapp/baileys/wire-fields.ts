/** Messages in protobuf's wire format, field by field: a decoder reads all of one without a pause. */

/** A field of a message in protobuf's wire format. */
export interface Field {
  number: number;
  /** of its tag */
  start: number;
  /** of its value */
  valueStart: number;
  end: number;
  /** what it lies in */
  bytes: Buffer;
}

/** The fields of a message, one after another. Throws where it is cut off, or no protobuf. */
export function* fieldsOf(bytes: Buffer): Generator<Field> {
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const [tag, afterTag] = readVarint(bytes, at);
    const [valueStart, end] = extentOf(bytes, tag & 7, afterTag);
    if (end > bytes.length) throw new Error('a message is cut off');
    yield { number: tag >>> 3, start, valueStart, end, bytes };
    at = end;
  }
}

/** Where a value of that wire type begins and ends. */
function extentOf(bytes: Buffer, wireType: number, at: number): [start: number, end: number] {
  if (wireType === 0) return [at, readVarint(bytes, at)[1]];
  if (wireType === 1) return [at, at + 8];
  if (wireType === 5) return [at, at + 4];
  if (wireType !== 2) throw new Error('a message is no protobuf');
  const [length, start] = readVarint(bytes, at);
  return [start, start + length];
}

/** Larger numbers than 2^31 are only passed over. */
function readVarint(bytes: Buffer, from: number): [value: number, end: number] {
  let value = 0;
  for (let at = from, shift = 0; at < bytes.length && shift < 70; at += 1, shift += 7) {
    const byte = bytes.readUInt8(at);
    if (shift < 28) value |= (byte & 0x7f) << shift;
    else if (shift === 28) value += (byte & 0x7f) * 2 ** 28;
    if (byte < 0x80) return [value, at + 1];
  }
  throw new Error('a message is cut off');
}
