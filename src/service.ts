import { startGateway } from './gateway.ts';
import { runUntilSignal } from './run.ts';
import { loadConfig } from './utils/config.ts';
import { ensureDevelopmentSecrets } from './utils/secrets-file.ts';

/** Runs the service until a signal ends it. In development, missing secrets are made once and kept in `.env`. */
export async function runService(): Promise<void> {
  await runUntilSignal('WaHub', async () => {
    const made = ensureDevelopmentSecrets('.env', process.env);
    if (made.length > 0) process.stderr.write(`made ${made.join(', ')} and kept them in .env\n`);
    // A process manager (PM2) has a channel to its processes and replaces them one by one.
    const handsOver = process.send !== undefined;
    const gateway = await startGateway(loadConfig(process.env), { handsOver });
    return { ready: gateway.url, working: gateway.ready, stop: gateway.stop };
  });
}
