/** Links that other gateways have made, by their own code, with the emulator. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Emulator } from 'wa-emulator';

/** `baileys-6` is Baileys 6.7, `@whiskeysockets/baileys` is 7.0.0-rc14. */
export type Library = 'baileys-6' | '@whiskeysockets/baileys' | 'wa-multi-session';

interface Line {
  qr?: string;
  open?: boolean;
  text?: string;
  sent?: string;
  closed?: number;
}

/** Another gateway that is connected. */
export interface OtherGateway {
  send(phone: string, text: string): Promise<void>;
  /** Resolves when it has got (and decrypted) this text. */
  receive(text: string): Promise<void>;
  /** Ends it in good order; its files stay. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

const SCRIPT = fileURLToPath(new URL('./origins/link.mjs', import.meta.url));
const TIMEOUT_MS = 30_000;

/**
 * Links `phone` with that library's own code, which keeps the link in `folder`; resolves when it is connected. Without a
 * phone it goes on with the link that is there.
 */
export async function linkWith(
  library: Library,
  { emulator, folder, phone }: { emulator: Emulator; folder: string; phone: string | null },
): Promise<OtherGateway> {
  const child = spawn(process.execPath, [SCRIPT, library, folder, emulator.waUrl], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const next = readLines(child);
  if (phone !== null) {
    const { qr } = await next('a QR', (line) => line.qr !== undefined);
    await emulator.scan({ qr: qr ?? '', phone, name: 'Other gateway' });
  }
  await next('the connection', (line) => line.open === true);
  const tell = (line: object) => child.stdin?.write(`${JSON.stringify(line)}\n`);
  return {
    async send(to, text) {
      tell({ send: `${to}@s.whatsapp.net`, text });
      await next('the send', (line) => line.sent === text);
    },
    receive: async (text) => void (await next(`the text ${text}`, (line) => line.text === text)),
    async stop() {
      tell({ stop: true });
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function readLines(child: ChildProcess) {
  const seen: Line[] = [];
  const waiters = new Set<() => void>();
  if (!child.stdout) throw new Error('the child has no output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) seen.push(JSON.parse(line));
    for (const wake of [...waiters]) wake();
  });
  return (what: string, matches: (line: Line) => boolean): Promise<Line> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = seen.findIndex(matches);
        if (found < 0) return;
        clearTimeout(timer);
        waiters.delete(look);
        const [line] = seen.splice(found, 1);
        if (line) resolve(line);
      };
      const timer = setTimeout(() => {
        waiters.delete(look);
        reject(new Error(`no ${what} in ${TIMEOUT_MS} ms, only ${JSON.stringify(seen).slice(0, 500)}`));
      }, TIMEOUT_MS);
      waiters.add(look);
      look();
    });
}
