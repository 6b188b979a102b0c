import { ControlError } from './control-error.ts';
import { node } from './nodes.ts';
import { replacedNotice, unlinkDevice } from './unlink.ts';
import type { RefuseMode, WaServer } from './wa-server.ts';
import { onlineConnections, type World } from './world.ts';

const REOPEN_ATTEMPTS = 100;
const REOPEN_PAUSE_MS = 100;

/** Something that goes wrong; with `phone` only for that number's sessions. */
export type Fault =
  | Breaking
  | { kind: 'logout'; phone?: string | undefined }
  | {
      kind: 'refuse';
      seconds: number;
      mode?: RefuseMode | undefined;
      /** Leaves the open connections alone; they are cut otherwise. */
      keepOpen?: boolean | undefined;
    }
  | { kind: 'login_failure'; code: number; times?: number | undefined; phone?: string | undefined }
  | { kind: 'slow_ack' | 'slow_iq'; ms: number; phone?: string | undefined }
  | { kind: 'media_fail'; times: number }
  | { kind: 'clear' };

/** Brings about faults and remembers the server's absence. */
export interface FaultDesk {
  /** Resolves with how many connections (or devices, for `logout`) it met. */
  bring(fault: Fault): Promise<number>;
}

/** The desk of one emulator. */
export function createFaultDesk(world: World, server: WaServer): FaultDesk {
  let absence = 0;
  // After `closed` somebody else may hold the port for a moment.
  const reopen = (attempts: number) => {
    server.accept().catch(() => {
      if (attempts > 1) {
        world.timers.after(REOPEN_PAUSE_MS, () => reopen(attempts - 1));
      }
    });
  };
  const refuse = async ({ seconds, mode = 'reset', keepOpen }: Fault & { kind: 'refuse' }) => {
    absence += 1;
    const current = absence;
    await server.refuse(mode);
    const affected = keepOpen ? 0 : world.connections.size;
    if (!keepOpen) {
      server.cut();
    }
    world.timers.after(Math.max(seconds, 0.001) * 1000, () => {
      if (current === absence) {
        reopen(REOPEN_ATTEMPTS);
      }
    });
    return affected;
  };
  const clear = async () => {
    absence += 1;
    world.faults.reset();
    await server.accept();
    return 0;
  };
  return {
    bring(fault) {
      switch (fault.kind) {
        case 'refuse':
          return refuse(fault);
        case 'clear':
          return clear();
        default:
          return Promise.resolve(bringAtOnce(world, fault));
      }
    },
  };
}

type Breaking =
  | { kind: 'drop' | 'close' | 'replaced' | 'garbage'; phone?: string | undefined }
  | { kind: 'stream_error'; code: number; phone?: string | undefined };

function bringAtOnce(world: World, fault: Exclude<Fault, { kind: 'refuse' | 'clear' }>): number {
  switch (fault.kind) {
    case 'logout':
      return logOut(world, fault.phone);
    case 'login_failure':
      world.faults.loginFailure = { code: fault.code, timesLeft: fault.times ?? 1, phone: fault.phone };
      return 0;
    case 'slow_ack':
      world.faults.slowAckMs.set(fault.phone, fault.ms);
      return 0;
    case 'slow_iq':
      world.faults.slowIqMs.set(fault.phone, fault.ms);
      return 0;
    case 'media_fail':
      world.faults.mediaFailures = fault.times;
      return 0;
    default:
      return breakConnections(world, fault);
  }
}

function breakConnections(world: World, fault: Breaking): number {
  const connections = onlineConnections(world, fault.phone);
  for (const connection of connections) {
    switch (fault.kind) {
      case 'drop':
        connection.destroy();
        break;
      case 'close':
        connection.close();
        break;
      case 'garbage':
        connection.sendGarbage();
        break;
      case 'replaced':
        connection.end(replacedNotice());
        break;
      case 'stream_error':
        connection.end(node('stream:error', { code: String(fault.code) }));
        break;
    }
  }
  return connections.length;
}

function logOut(world: World, phone: string | undefined): number {
  const devices = phone === undefined ? world.devices.all() : world.devices.of(phone);
  if (phone !== undefined && devices.length === 0) {
    throw new ControlError(404, `phone: no session is linked to ${phone}`);
  }
  for (const device of devices) {
    unlinkDevice(world, device);
  }
  return devices.length;
}
