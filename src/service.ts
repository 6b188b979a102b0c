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
    const config = loadConfig(process.env);
    // Not before: it builds the tables for the dialect that DB_TYPE names, and cannot for another word.
    const { startGateway } = await import('./gateway.ts');
    const gateway = await startGateway(config, { handsOver });
    return { ready: gateway.url, working: gateway.ready, stop: gateway.stop };
  });
}
