/** The emulated WhatsApp of a benchmark, in memory: in a process of its own, or in that of the client it serves. */
import { startEmulator } from '../../src/emulator/index.ts';

export type Target = Awaited<ReturnType<EmulatorCalls['target']>>;
export type EmulatorCalls = Awaited<ReturnType<typeof startEmulatorCalls>>['calls'];

export async function startEmulatorCalls() {
  const emulator = await startEmulator();
  return {
    calls: {
      /** Where it listens. */
      async target() {
        const { url, waUrl, rootKey, caFile } = emulator;
        return { url, waUrl, rootKey, caFile };
      },
      async scan(input: { qr: string; phone: string }) {
        return emulator.scan(input);
      },
      /** Forgets the traffic so far, so that its log does not grow from round to round. */
      async reset() {
        await emulator.reset();
      },
    },
    stop: () => emulator.stop(),
  };
}
