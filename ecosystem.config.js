/**
 * PM2: `npm run build && pm2 start ecosystem.config.js`.
 * SQLite serves one process, so it runs in fork mode; on MySQL set WAHUB_INSTANCES for cluster mode.
 */
const instances = Number(process.env.WAHUB_INSTANCES ?? 1);

export const apps = [
  {
    name: 'wahub',
    script: './dist/main.js',
    exec_mode: instances > 1 ? 'cluster' : 'fork',
    instances,
    wait_ready: true,
    listen_timeout: 60_000,
    // Long enough for messages on the wire to be acknowledged (see the drain in src/main.ts).
    kill_timeout: 30_000,
    max_memory_restart: '2G',
    env: { NODE_ENV: 'production' },
  },
];
