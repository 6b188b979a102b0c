import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Runs the fixture in a process of its own; its whole output. */
function runChatty(...imports: string[]): Promise<{ code: number | null; output: string }> {
  const flags = ['tsx', ...imports].flatMap((module) => ['--import', module]);
  const { pathname } = new URL('./fixtures/chatty.ts', import.meta.url);
  const child = spawn(process.execPath, [...flags, pathname], {
    env: { ...process.env, DB_TYPE: 'sqlite' },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => chunks.push(String(data)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output: chunks.join('') })));
}

describe('a process that links, sends, receives and renews keys', () => {
  const PRIVATE = /privKey|rootKey|<Buffer|chainKey/;

  it('prints private keys without the preload', async () => {
    expect((await runChatty()).output).toMatch(PRIVATE);
  }, 60_000);

  it('prints nothing but its own lines with it', async () => {
    const { code, output } = await runChatty(
      new URL('../../src/whatsapp/baileys/preload.ts', import.meta.url).pathname,
    );
    expect(output.trim()).toBe('Closing session: a line of our own');
    expect(code).toBe(0);
  }, 60_000);
});
