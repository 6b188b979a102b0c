/** The service with the emulated WhatsApp in its own process, as `npm run sandbox` runs it. */
import { serveCalls } from '../child.ts';
import { startEmulatorCalls } from '../emulator-calls.ts';

const emulator = await startEmulatorCalls();
const { waUrl, rootKey, caFile } = await emulator.calls.target();
Object.assign(process.env, { WA_SERVER_URL: waUrl, WA_SERVER_ROOT_KEY: rootKey, WA_SERVER_CA: caFile });
const service = await import('../service-calls.ts');

const calls = { ...service.calls, ...emulator.calls };
export type ServiceWithEmulatorCalls = typeof calls;

serveCalls(calls, async () => {
  await service.stop();
  await emulator.stop();
});
