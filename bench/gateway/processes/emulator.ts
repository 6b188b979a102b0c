/** The emulated WhatsApp in a process of its own. */
import { serveCalls } from '../child.ts';
import { startEmulatorCalls } from '../emulator-calls.ts';

const { calls, stop } = await startEmulatorCalls();

serveCalls(calls, stop);
