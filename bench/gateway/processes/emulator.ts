/** The emulated WhatsApp of a benchmark, in memory. */
import { type Emulator, startEmulator } from 'wa-emulator';
import { serveCalls } from '../child.ts';

const emulator = await startEmulator();

const MAX_COUNTED = 100_000;

type Fault = Parameters<Emulator['fault']>[0];

const calls = {
  async where() {
    const { url, waUrl, rootKey, caFile } = emulator;
    return { url, waUrl, rootKey, caFile };
  },
  async scan(input: { qr: string; phone: string }) {
    return emulator.scan(input);
  },
  async fault(input: Fault) {
    await emulator.fault(input);
  },
  /** How many messages of this number are on phones since the last call of `reset`. */
  async countFrom(from: string) {
    return emulator.messages({ from, limit: MAX_COUNTED }).length;
  },
  /** Forgets the traffic so far, so that its log does not grow from round to round. */
  async reset() {
    await emulator.reset();
  },
};

export type EmulatorCalls = typeof calls;

serveCalls(calls, () => emulator.stop());
