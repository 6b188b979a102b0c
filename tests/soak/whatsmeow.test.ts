/** A client that shares no line with Baileys takes the emulator for WhatsApp: a Go program on whatsmeow. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';

/** One line of its output. */
interface Step {
  step: string;
  ok: boolean;
  ms: number;
  detail?: string;
  error?: string;
  /** What whatsmeow warned of meanwhile. */
  complaints?: string[];
}

const SOURCE = new URL('../../packages/wa-emulator/tests/whatsmeow/', import.meta.url).pathname;
/** The first time its modules are fetched and compiled. */
const BUILD_TIMEOUT_MS = 900_000;
const RUN_TIMEOUT_MS = 300_000;
/** What whatsmeow says of a line that was cut, and of options that were left out, as they were told to be. */
const EXPECTED = [/Error reading from websocket/, /missing <passkey_request_options> element/];

let emulator: Emulator;
let dir: string;
let steps: Step[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'whatsmeow-'));
  const program = join(dir, 'whatsmeow');
  await promisify(execFile)('go', ['build', '-o', program, '.'], { cwd: SOURCE });
  emulator = await startEmulator({ stateDir: join(dir, 'emulator') });
  const { url, waUrl, rootKey, caFile } = emulator;
  const options = ['-control', url, '-wa', waUrl, '-root', rootKey, '-ca', caFile];
  const { stdout } = await promisify(execFile)(program, options, { timeout: RUN_TIMEOUT_MS }).catch(
    (error: { stdout?: string; stderr?: string }) => {
      if (!error.stdout) throw error;
      return { stdout: error.stdout };
    },
  );
  process.stdout.write(stdout);
  steps = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}, BUILD_TIMEOUT_MS + RUN_TIMEOUT_MS);

afterAll(async () => {
  await emulator?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('whatsmeow against the emulator', () => {
  it.each([
    'link by QR',
    'send a text',
    'receive a text by phone number and by LID',
    'upload and send media',
    'receive and download media',
    'ask the directory',
    'send again what could not be read',
    'send to a group',
    'receive in a group',
    'show presence and typing',
    'meet an error acknowledgement',
    'reconnect after a cut',
    'receive what came while away',
    'start again with the stored keys',
    'use up the pre-keys',
    'be logged out by the phone',
    'link by pairing code',
    'unlink itself',
    'passkey by QR, with hand-off',
    'passkey by pairing code, with hand-off',
    'passkey without hand-off, code compared',
    'passkey options asked for when they were left out',
    'passkey refused, then accepted',
  ])('%s', (name) => {
    expect(steps.find(({ step }) => step === name)).toMatchObject({ ok: true });
  });

  it('ran no other step, and had nothing to complain about', () => {
    expect(steps).toHaveLength(24);
    const complaints = steps.flatMap((step) => step.complaints ?? []);
    expect(complaints.filter((line) => !EXPECTED.some((pattern) => pattern.test(line)))).toEqual([]);
  });
});
