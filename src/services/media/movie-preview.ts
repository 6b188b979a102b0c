/** The picture that a phone shows of a film before it has it: its first one, by ffmpeg, where it is installed. */
import { readFile, rm } from 'node:fs/promises';
import { runProgram } from '../../utils/bounded-program.ts';
import { FFMPEG_QUIET } from './voice.ts';

const TIMEOUT_MS = 10_000;
/** As pictures are previewed. */
const SCALE = 'scale=72:72:force_original_aspect_ratio=decrease';
const MAX_PREVIEW_BYTES = 8_192;

/** A small JPEG, base64; null without ffmpeg and for what it cannot read. The frame lies beside the film meanwhile. */
export async function previewMovie(
  ffmpeg: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const frame = `${path}.jpg`;
  const oneFrame = ['-frames:v', '1', '-vf', SCALE, '-q:v', '5', '-threads', '1', '-f', 'mjpeg'];
  const args = [...FFMPEG_QUIET, '-f', 'mov', '-i', `file:${path}`, ...oneFrame, `file:${frame}`];
  try {
    if ((await runProgram(ffmpeg, args, { timeoutMs: TIMEOUT_MS, signal })) !== 'done') return null;
    const bytes = await readFile(frame);
    return bytes.length > 0 && bytes.length <= MAX_PREVIEW_BYTES ? bytes.toString('base64') : null;
  } finally {
    await rm(frame, { force: true });
  }
}
