/**
 * `npm run bench -- otp [checks|latency]`: codes checked a second (goal 1,000 on SQLite), and how much longer a code
 * takes than a bare client's message, from the request to WhatsApp's acknowledgement on an idle queue (goal: at the 99th
 * percentile 15 ms on SQLite and 25 on MariaDB).
 */
import { benchChecks } from './otp/checks.ts';
import { benchLatency } from './otp/latency.ts';

const parts = { checks: benchChecks, latency: benchLatency };
const wanted = process.argv[2];
for (const [name, run] of Object.entries(parts)) {
  if (wanted === undefined || wanted === name) await run();
}
