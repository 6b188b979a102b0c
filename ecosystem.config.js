/**
 * PM2: `npm run build && npx pm2 start ecosystem.config.js`, later `npx pm2 reload wahub`.
 * MySQL: cluster mode, WAHUB_INSTANCES processes (2 when not set), reloaded one after the other without a gap.
 * SQLite serves one process: fork mode, and a reload is a restart.
 */
import { config } from 'dotenv';

const settings = { ...config({ quiet: true, processEnv: {} }).parsed, ...process.env };
const onMysql = settings.DB_TYPE === 'mysql';
const instances = onMysql ? Number(settings.WAHUB_INSTANCES?.trim() || 2) : 1;

export const apps = [
  {
    name: 'wahub',
    script: './dist/main.js',
    exec_mode: onMysql ? 'cluster' : 'fork',
    instances,
    // A process says `ready` when it listens and its sessions are being connected; the next one is reloaded then.
    wait_ready: true,
    listen_timeout: 60_000,
    // Longer than the service gives itself to answer what is open and to send what is on the wire (src/run.ts).
    kill_timeout: 30_000,
    max_memory_restart: '2G',
    env: { NODE_ENV: 'production' },
  },
];
