/** `npm run sandbox`: the whole service against an emulated WhatsApp; no phone, no MySQL, no account anywhere. */
import './whatsapp/baileys/preload.ts';
import './whatsapp/baileys/native-curve.ts';
import './whatsapp/baileys/native-hash.ts';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type Emulator, startEmulator } from 'wa-emulator';
import type { Gateway } from './gateway.ts';
import { runUntilSignal } from './run.ts';
import { loadConfig } from './utils/config.ts';
import { StartError } from './utils/errors.ts';

/** The file that the sandbox writes for people and programs that use it: `data/sandbox.json`. */
interface SandboxFile {
  url: string;
  apiKey: string;
  admin: { email: string; password: string };
  emulator: { url: string | null; waUrl: string; rootKey: string | null; ca: string | null };
}

const ADMIN_EMAIL = 'admin@sandbox.local';
/** Control API, WebSocket and media port of the emulator; a taken one is replaced by any free one. */
const EMULATOR_PORTS = { controlPort: 5002, waPort: 5003, mediaPort: 5004 };
const PORT_NAMES = [
  ['controlPort', 'EMULATOR_PORT'],
  ['waPort', 'EMULATOR_WA_PORT'],
  ['mediaPort', 'EMULATOR_MEDIA_PORT'],
] as const;

/**
 * Quick enough to watch, slow enough to see the queue at work; an emulated server restricts nobody for first contacts. The
 * real defaults are in .env.example.
 */
const SANDBOX_DEFAULTS = {
  HOST: '127.0.0.1',
  MESSAGE_DELAY_MIN: '300',
  MESSAGE_DELAY_MAX: '900',
  NEW_CONTACTS_PER_DAY: '0',
  // The examples of the docs all write to the same person.
  MAX_MESSAGES_PER_RECIPIENT: '1000',
  WEBHOOK_ALLOW_PRIVATE: 'true',
};

await runUntilSignal('sandbox', async () => {
  const root = resolve(process.env.DATA_DIR ?? 'data');
  const dir = join(root, 'sandbox');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const secrets = await loadSecrets(join(dir, 'secrets.json'));
  const emulator = process.env.EMULATOR === 'external' ? null : await startOwnEmulator(join(dir, 'emulator'));
  const config = loadConfig(environment(dir, secrets, emulator));
  // Not before: it builds the tables for the dialect that DB_TYPE names, and cannot for another word.
  const { startGateway } = await import('./gateway.ts');
  const gateway = await startGateway(config);
  const file = describe(gateway, secrets, emulator);
  await writeAtomically(join(root, 'sandbox.json'), file);
  process.stdout.write(welcome(file));
  return {
    ready: gateway.url,
    async stop() {
      await gateway.stop();
      await emulator?.stop();
    },
  };
});

interface Secrets {
  JWT_SECRET: string;
  ENCRYPTION_KEY: string;
  KEY: string;
  ADMIN_PASSWORD: string;
}

/** Made once and kept, so that keys in scripts and linked numbers survive a restart. */
async function loadSecrets(file: string): Promise<Secrets> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made: Secrets = {
    JWT_SECRET: randomBytes(48).toString('hex'),
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    KEY: `wahub_sandbox_${randomBytes(16).toString('hex')}`,
    ADMIN_PASSWORD: randomBytes(9).toString('base64url'),
  };
  await writeAtomically(file, made);
  return made;
}

function environment(dir: string, secrets: Secrets, emulator: Emulator | null): NodeJS.ProcessEnv {
  const server = emulator && {
    WA_SERVER_URL: emulator.waUrl,
    WA_SERVER_ROOT_KEY: emulator.rootKey,
    WA_SERVER_CA: emulator.caFile,
    EMULATOR_URL: emulator.url,
  };
  return {
    ...SANDBOX_DEFAULTS,
    ADMIN_EMAIL,
    LOG_LEVEL: 'warn',
    ...secrets,
    ...process.env,
    // An image for production sets it; a sandbox is never that.
    NODE_ENV: 'development',
    DATA_DIR: dir,
    ...server,
  };
}

type EmulatorPorts = typeof EMULATOR_PORTS;

/** The ports that somebody asked for; 0 takes a free one. Throws StartError for what is no port. */
function namedPorts(env: NodeJS.ProcessEnv): Partial<EmulatorPorts> {
  const named: Partial<EmulatorPorts> = {};
  for (const [part, name] of PORT_NAMES) {
    const given = env[name];
    if (given === undefined || given === '') continue;
    if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535) {
      throw new StartError(`${name} must be a port, 0 to 65535`);
    }
    named[part] = Number(given);
  }
  return named;
}

/** Usual ports that are taken are replaced one by one. One that somebody asked for is not replaced without a word. */
async function startOwnEmulator(stateDir: string): Promise<Emulator> {
  const named = namedPorts(process.env);
  const free = await usualPorts(new Set(Object.values(named)));
  try {
    return await startEmulator({ stateDir, ...free, ...named });
  } catch (error) {
    // Somebody else was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startEmulator({ stateDir, ...named }).catch((again) => {
      throw withSetting(again, named);
    });
  }
}

/** The error with the name of the setting, where it is about a port that somebody asked for. */
function withSetting(error: Error & { port?: number }, named: Partial<EmulatorPorts>): Error {
  const setting = PORT_NAMES.find(([part]) => named[part] !== undefined && named[part] === error.port)?.[1];
  return setting === undefined ? error : new StartError(`${error.message} (${setting} names another port)`);
}

/** The usual ports that are free; 0 in the place of the others. */
async function usualPorts(others: ReadonlySet<number>): Promise<EmulatorPorts> {
  const { controlPort, waPort, mediaPort } = EMULATOR_PORTS;
  const orAny = async (port: number) => (!others.has(port) && (await isFree(port)) ? port : 0);
  return {
    controlPort: await orAny(controlPort),
    waPort: await orAny(waPort),
    mediaPort: await orAny(mediaPort),
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

function describe(gateway: Gateway, secrets: Secrets, emulator: Emulator | null): SandboxFile {
  const { publicUrl, waServer, adminKey, adminPassword } = gateway.config;
  // As the links in its answers, where these lead here.
  const isHere = new URL(publicUrl).port === new URL(gateway.url).port;
  return {
    url: isHere ? publicUrl : gateway.url,
    apiKey: adminKey ?? secrets.KEY,
    admin: { email: ADMIN_EMAIL, password: adminPassword ?? secrets.ADMIN_PASSWORD },
    emulator: {
      url: emulator?.url ?? null,
      waUrl: waServer?.url ?? '',
      rootKey: waServer?.rootKey ?? null,
      ca: waServer?.caFile ?? null,
    },
  };
}

async function writeAtomically(file: string, value: unknown): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(part, file);
}

function welcome(file: SandboxFile): string {
  // Of an emulator in another process nothing is known but where one usually is.
  const phone =
    file.emulator.url ?? `http://127.0.0.1:${process.env.EMULATOR_PORT || EMULATOR_PORTS.controlPort}`;
  return `
WaHub sandbox is running at ${file.url}
  dashboard      ${file.url}
  API reference  ${file.url}/docs
  API key        ${file.apiKey}
  admin          ${file.admin.email}  ${file.admin.password}
  emulator       ${phone}

Paste this into another terminal: it links a number, sends a login code and shows what arrived.

  URL=${file.url} KEY=${file.apiKey} PHONE=${phone}
  api() { curl -sS -w '\\n' -H "x-api-key: $KEY" -H 'content-type: application/json' "$@"; }
  QR=$(api $URL/session/create -d '{"sessionId":"main"}' | node -pe 'JSON.parse(fs.readFileSync(0)).data.qr')
  curl -sS $PHONE/scan -H 'content-type: application/json' -d "{\\"qr\\":\\"$QR\\",\\"phone\\":\\"628111111111\\"}"; sleep 2
  api -H 'prefer: wait=20' $URL/message/send-text -d '{"session":"main","to":"+6281234567890","text":"Your login code is 482913"}'
  curl -sS "$PHONE/messages?to=6281234567890"

Stop with Ctrl+C. Everything is kept in ${join(process.env.DATA_DIR ?? 'data', 'sandbox')}; delete that folder to start afresh.
`;
}
