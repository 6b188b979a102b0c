/** GOWA (go-whatsapp-web-multidevice), built with `gowa/emulator.go` beside its `main.go`, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../tests/helpers/sandbox-process.ts';
import { type Ground, openApi } from '../gateway/world.ts';
import { cpuMsOf } from '../measure/database-use.ts';
import { waitUntil } from '../measure/until.ts';
import type { Peer } from './peer.ts';

const DEVICE = 'bench';
const STOP_MS = 5_000;

/** Starts the program at `file` with a database of its own and links `phone`. */
export async function startGowa(file: string, ground: Ground, phone: string): Promise<Peer> {
  const port = await findFreePort();
  const cwd = join(ground.scratch.dir, 'gowa');
  mkdirSync(cwd, { recursive: true });
  const child = spawn(file, ['rest', '--host', '127.0.0.1', '--port', String(port)], {
    cwd,
    // It writes several lines for each message.
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      HOME: cwd,
      EMULATOR_WA_URL: ground.target.waUrl,
      EMULATOR_ROOT_KEY: ground.target.rootKey,
      APP_UI_ENABLED: 'false',
      // It would ask WhatsApp before each message whether the number is known.
      WHATSAPP_ACCOUNT_VALIDATION: 'false',
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const api = openApi(url, { 'x-device-id': DEVICE });
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`);
    return fetch(`${url}/health`).then(
      () => true,
      () => false,
    );
  };
  await waitUntil('GOWA answers', isUp, { timeoutMs: 30_000 });
  await api.post('/devices', { device_id: DEVICE });
  const { pair_code: code } = asResults(await api.post(`/devices/${DEVICE}/login/code?phone=${phone}`, {}));
  await post(`${ground.target.url}/pair`, { code: code.replace('-', ''), phone });
  const isLinked = async () => asResults(await api.get(`/devices/${DEVICE}/status`)).is_logged_in;
  await waitUntil('GOWA is linked', isLinked, { timeoutMs: 60_000 });
  // It connects once more after linking.
  await delay(STOP_MS);
  return {
    phone,
    send: (to, text) => api.post('/send/message', { phone: `${to}@s.whatsapp.net`, message: text }),
    cpuMs: async () => cpuMsOf(child.pid ?? 0),
    async stop() {
      await api.close();
      await end(child);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(late);
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

/** Safe because only the fields that these two routes answer are looked at. */
function asResults(answer: unknown): { pair_code: string; is_logged_in: boolean } {
  return Object(answer).results;
}
