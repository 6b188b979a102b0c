/** Bare clients with the emulated WhatsApp in their own process. */

import { calls as bareCalls, stop } from '../bare-calls.ts';
import { serveCalls } from '../child.ts';
import { startEmulatorCalls } from '../emulator-calls.ts';

const emulator = await startEmulatorCalls();
const calls = { ...bareCalls, ...emulator.calls };
export type BareWithEmulatorCalls = typeof calls;

serveCalls(calls, async () => {
  await stop();
  await emulator.stop();
});
