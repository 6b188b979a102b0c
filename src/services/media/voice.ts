/** Voice notes: WhatsApp's phones play Ogg Opus as one; other sounds are converted by ffmpeg, where it is installed. */

import { stat } from 'node:fs/promises';
import { type ProgramOutcome, runProgram } from '../../utils/bounded-program.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { own } from '../../utils/own.ts';

/** Plays as a voice note on every phone. */
export const VOICE_TYPE = 'audio/ogg; codecs=opus';

/** Asks nothing, says nothing, and reads no URL that a file names. */
export const FFMPEG_QUIET = [
  ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-y'],
  ...['-protocol_whitelist', 'file'],
];
/** ffmpeg's name of each container. It is told which one to read: others can name further files. */
const DEMUXERS: Record<string, string> = {
  'audio/mpeg': 'mp3',
  'audio/mp4': 'mov',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/wav': 'wav',
  'audio/flac': 'flac',
  'audio/ogg': 'ogg',
};
/** As WhatsApp's own clients record: one channel, made for speech. */
const ENCODER = ['-ac', '1', '-ar', '48000', '-c:a', 'libopus', '-b:a', '32k', '-application', 'voip'];
/** Of the sound itself; WhatsApp stops a recording long before. */
const MAX_SECONDS = 3_600;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = MINUTE_MS;

/**
 * Writes the sound of `input` to `output` as a voice note. `missing`: there is no ffmpeg under that name. Killed after a
 * minute, with `signal`, and when it takes too much memory or computing.
 */
export async function convertToVoice(
  ffmpeg: string,
  { input, output, mimetype }: { input: string; output: string; mimetype: string },
  signal?: AbortSignal,
): Promise<ProgramOutcome> {
  const demuxer = own(DEMUXERS, mimetype);
  if (demuxer === undefined) return 'failed';
  const source = ['-f', demuxer, '-t', String(MAX_SECONDS), '-i', `file:${input}`];
  const stripped = ['-map', '0:a:0', '-map_metadata', '-1', '-threads', '1', '-fs', String(MAX_OUTPUT_BYTES)];
  const args = [
    ...FFMPEG_QUIET,
    ...source,
    ...stripped,
    ...ENCODER,
    '-fflags',
    '+bitexact',
    '-f',
    'ogg',
    `file:${output}`,
  ];
  const ended = await runProgram(ffmpeg, args, { timeoutMs: TIMEOUT_MS, signal });
  if (ended !== 'done') return ended;
  const made = await stat(output).catch(() => null);
  return made !== null && made.size > 0 ? 'done' : 'failed';
}
