/** Ogg Opus (RFC 3533, RFC 7845): its length, and how loud it is from beginning to end. */
import { readFile } from 'node:fs/promises';
import { OpusDecoder } from 'opus-decoder';
import type { MediaDetails } from '../../../whatsapp/content.ts';
import { secondsOf } from './seconds.ts';

/** Of every Opus stream, whatever it was made from. */
const RATE = 48_000;
/** Bars that WhatsApp's clients draw, each from 0 to 100. */
const BARS = 64;
/** Packets decoded for a bar: about a second of sound. Of a longer bar its middle stands for all of it. */
const PACKETS_PER_BAR = 50;
const PAGE_HEAD = 27;

interface OpusFile {
  packets: Uint8Array[];
  channels: number;
  /** without what the encoder put in front */
  seconds: number;
}

export async function readOpus(path: string): Promise<MediaDetails> {
  const file = readPackets(await readFile(path));
  if (file === null) return {};
  const waveform = await waveformOf(file).catch(() => null);
  return { ...secondsOf(file.seconds), ...(waveform === null ? {} : { waveform }) };
}

/** Null for what is no Ogg Opus. Of several streams the first is read. */
function readPackets(bytes: Buffer): OpusFile | null {
  const packets: Uint8Array[] = [];
  let serial: number | null = null;
  let granule = 0;
  /** the beginning of a packet that goes on on the next page */
  let open: Uint8Array[] = [];
  for (let at = 0; at + PAGE_HEAD <= bytes.length && bytes.toString('latin1', at, at + 4) === 'OggS'; ) {
    const segments = bytes.subarray(at + PAGE_HEAD, at + PAGE_HEAD + (bytes[at + 26] ?? 0));
    const page = serialOf(bytes, at);
    let from = at + PAGE_HEAD + segments.length;
    const mine = serial === null || serial === page;
    serial ??= page;
    if (mine) granule = Math.max(granule, Number(bytes.readBigInt64LE(at + 6)));
    let length = 0;
    for (const [i, lacing] of segments.entries()) {
      length += lacing;
      if (lacing === 255 && i < segments.length - 1) continue;
      if (mine) open.push(bytes.subarray(from, from + length));
      from += length;
      length = 0;
      if (!mine || lacing === 255) continue;
      packets.push(open.length === 1 && open[0] ? open[0] : Buffer.concat(open));
      open = [];
    }
    at = from;
  }
  const [head] = packets;
  if (head === undefined || Buffer.from(head.subarray(0, 8)).toString('latin1') !== 'OpusHead') return null;
  const skip = Buffer.from(head).readUInt16LE(10);
  return { packets: packets.slice(2), channels: head[9] ?? 1, seconds: (granule - skip) / RATE };
}

const serialOf = (bytes: Buffer, at: number) => bytes.readUInt32LE(at + 14);

/** The mean of each stretch against the loudest one, as WhatsApp's own clients send it; base64 of 64 bytes. */
async function waveformOf({ packets, channels }: OpusFile): Promise<string | null> {
  // More channels are several streams in one, which no voice note is.
  if (packets.length === 0 || channels > 2) return null;
  const decoder = new OpusDecoder({ channels: channels === 2 ? 2 : 1 });
  await decoder.ready;
  const means: number[] = [];
  for (let bar = 0; bar < BARS; bar++) {
    const from = Math.floor((bar * packets.length) / BARS);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * packets.length) / BARS));
    const first = Math.max(from, Math.floor((from + to - PACKETS_PER_BAR) / 2));
    means.push(loudness(decoder, packets.slice(first, Math.min(to, first + PACKETS_PER_BAR))));
  }
  decoder.free();
  const loudest = Math.max(...means);
  if (!(loudest > 0)) return null;
  return Buffer.from(means.map((mean) => Math.min(100, Math.floor((100 * mean) / loudest)))).toString(
    'base64',
  );
}

function loudness(decoder: OpusDecoder, packets: Uint8Array[]): number {
  let sum = 0;
  let samples = 0;
  for (const packet of packets) {
    const { channelData } = decoder.decodeFrame(packet);
    for (const sample of channelData[0] ?? []) sum += Math.abs(sample);
    samples += channelData[0]?.length ?? 0;
  }
  return samples === 0 ? 0 : sum / samples;
}
