/** Many bare Baileys sessions that are linked once and connected again by another process, with their keys in files. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuthenticationState,
  BufferJSON,
  initAuthCreds,
  type SignalDataSet,
} from '@whiskeysockets/baileys';
import type { Emulator } from 'wa-emulator';
import { type BareClient, connectBareClient } from '../../../packages/wa-emulator/tests/bare-client.ts';
import { cpuMs, serveCalls } from '../child.ts';
import { measureMemory } from '../measure.ts';

interface Target {
  waUrl: string;
  /** the emulator's control API */
  url: string;
}

const clients: BareClient[] = [];
const stores: Store[] = [];

class Store implements AuthenticationState {
  creds = initAuthCreds();
  readonly values = new Map<string, unknown>();
  keyCount = () => this.values.size;
  keys: AuthenticationState['keys'] = {
    get: async (type, ids) => {
      const found: Record<string, unknown> = {};
      for (const id of ids) {
        const value = this.values.get(`${type}|${id}`);
        if (value !== undefined) found[id] = value;
      }
      return asFound(found);
    },
    set: async (data: SignalDataSet) => {
      for (const [type, entries] of Object.entries(data)) {
        for (const [id, value] of Object.entries(entries ?? {})) {
          if (value === null) this.values.delete(`${type}|${id}`);
          else this.values.set(`${type}|${id}`, value);
        }
      }
    },
  };
  save(file: string): void {
    writeFileSync(file, JSON.stringify({ creds: this.creds, keys: [...this.values] }, BufferJSON.replacer));
  }
  static load(file: string): Store {
    const { creds, keys } = JSON.parse(readFileSync(file, 'utf8'), BufferJSON.reviver);
    const store = new Store();
    store.creds = creds;
    for (const [key, value] of keys) store.values.set(key, value);
    return store;
  }
}

/** Safe because `set` stored it under the same type. */
function asFound(found: object): never {
  return found as never;
}

function emulatorOf(target: Target): Pick<Emulator, 'waUrl' | 'scan' | 'pair'> {
  const scan = async (input: object) => {
    const response = await fetch(`${target.url}/scan`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
    return asLinked(await response.json());
  };
  return { waUrl: target.waUrl, scan, pair: scan };
}

type Linked = Awaited<ReturnType<Emulator['scan']>>;

/** Safe because the control API answers what the emulator's action of that name does. */
function asLinked(answer: unknown): Linked {
  return answer as Linked;
}

const fileOf = (dir: string, phone: string) => join(dir, `${phone}.json`);

const calls = {
  /** Links each phone and keeps its credentials in `dir`. */
  async link({ target, phones, dir }: { target: Target; phones: string[]; dir: string }) {
    mkdirSync(dir, { recursive: true });
    for (const phone of phones) {
      const auth = new Store();
      const client = await connectBareClient({ emulator: emulatorOf(target), phone, auth });
      await client.close();
      auth.save(fileOf(dir, phone));
    }
  },
  /** Reads the credentials: not counted in what `connect` takes. */
  async load({ phones, dir }: { phones: string[]; dir: string }) {
    stores.push(...phones.map((phone) => Store.load(fileOf(dir, phone))));
  },
  /** Connects all that are loaded, `atOnce` at a time, and answers how long that takes. */
  async connect({ target, atOnce }: { target: Target; atOnce: number }) {
    const startMs = performance.now();
    const startCpuMs = cpuMs();
    const waiting = [...stores.entries()];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [n, auth] = next;
        clients.push(await connectBareClient({ emulator: emulatorOf(target), phone: String(n), auth }));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return { ms: performance.now() - startMs, cpuMs: cpuMs() - startCpuMs };
  },
  /** Drops all keys: an idle session does without, and who keeps them in a database has none in memory. */
  async dropKeys() {
    for (const store of stores) store.values.clear();
  },
  async memory() {
    return measureMemory();
  },
};

export type BareFleetCalls = typeof calls;

serveCalls(calls, async () => {
  await Promise.all(clients.map((client) => client.close()));
});
