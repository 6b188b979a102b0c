/** The program: `npx wa-emulator`, `npm run emulator`. */
import { readFileSync } from 'node:fs';
import { type CliStart, HELP, readCli } from './cli.ts';
import { type Emulator, startEmulator } from './index.ts';

const WRONG_ARGUMENTS = 2;

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

async function start(cli: CliStart): Promise<Emulator> {
  try {
    const { rules, faults, json: _, kind: __, ...options } = cli;
    const emulator = await startEmulator({
      ...options,
      onError: ({ doing, error }) => console.error(`The emulator could not ${doing}: ${error}`),
    });
    for (const rule of rules) {
      if ('passkey' in rule) emulator.setPasskey(rule);
      else emulator.setRule(rule);
    }
    for (const fault of faults) await emulator.fault(fault);
    return emulator;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hints: Record<string, string> = {
      EADDRINUSE: ' (--port, --wa-port and --media-port name others)',
      EADDRNOTAVAIL: ' (--host must be an address of this machine)',
    };
    console.error(`The emulator could not start: ${message}${hints[code ?? ''] ?? ''}`);
    process.exit(1);
  }
}

function describe({ url, waUrl, rootKey, caFile }: Emulator): string {
  return `WhatsApp Web emulator ${version()}
  control API  ${url}
  WebSocket    ${waUrl}
  root key     ${rootKey}
  certificate  ${caFile}

For a client on Node, so that it trusts the media server:
NODE_EXTRA_CA_CERTS=${caFile}

For WaHub's environment:
WA_SERVER_URL=${waUrl}
WA_SERVER_ROOT_KEY=${rootKey}
WA_SERVER_CA=${caFile}`;
}

const cli = readCli(process.argv.slice(2), process.env);
if (cli.kind === 'help') {
  process.stdout.write(HELP);
} else if (cli.kind === 'version') {
  console.log(version());
} else if (cli.kind === 'wrong') {
  console.error(`${cli.message}\nwa-emulator --help tells what there is.`);
  process.exitCode = WRONG_ARGUMENTS;
} else {
  const emulator = await start(cli);
  const { url, waUrl, rootKey, caFile } = emulator;
  console.log(
    cli.json ? JSON.stringify({ url, waUrl, rootKey, caFile, version: version() }) : describe(emulator),
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void emulator.stop());
  }
}
