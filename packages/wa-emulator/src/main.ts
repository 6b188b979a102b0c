import { type Emulator, startEmulator } from './index.ts';

const DEFAULTS = { control: 5002, wa: 5003, media: 5004, stateDir: 'data/emulator' };

function readPort(name: string, fallback: number): number {
  const text = process.env[name];
  const port = text === undefined || text === '' ? fallback : Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`${name} must be a port number, not "${text}"`);
  }
  return port;
}

async function start(): Promise<Emulator> {
  try {
    return await startEmulator({
      controlPort: readPort('EMULATOR_PORT', DEFAULTS.control),
      waPort: readPort('EMULATOR_WA_PORT', DEFAULTS.wa),
      mediaPort: readPort('EMULATOR_MEDIA_PORT', DEFAULTS.media),
      stateDir: process.env.EMULATOR_STATE_DIR || DEFAULTS.stateDir,
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint =
      code === 'EADDRINUSE' ? ' (EMULATOR_PORT, EMULATOR_WA_PORT, EMULATOR_MEDIA_PORT name others)' : '';
    console.error(`The emulator could not start: ${message}${hint}`);
    process.exit(1);
  }
}

const emulator = await start();
console.log(`WhatsApp Web emulator
  control API  ${emulator.url}
  WebSocket    ${emulator.waUrl}

For the gateway's environment:
WA_SERVER_URL=${emulator.waUrl}
WA_SERVER_ROOT_KEY=${emulator.rootKey}
WA_SERVER_CA=${emulator.caFile}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void emulator.stop());
}
