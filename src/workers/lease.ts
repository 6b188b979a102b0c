/** How sure a process is of its lease: from its own monotonic clock alone, so that a silent database changes nothing. */
import { GRACE_MS, LEASE_MARGIN_MS, LEASE_MS } from '../cluster/processes.ts';
import type { Clock } from '../utils/clock.ts';

export interface Lease {
  /** A renewal that began at `startedAtMs` (monotonic) was committed. The lease may have begun that early. */
  renewed(startedAtMs: number): void;
  /** The rows were read under the renewed lease. */
  verified(): void;
  /** Looks at the clock: once the lease could end within the margin, what was read before no longer counts. */
  check(): void;
  /** True while the lease is not in doubt and the rows were read under it. */
  isSure(): boolean;
  /** Just after a lease in doubt: another process that is late may still be there. */
  inGrace(): boolean;
  /** Milliseconds until the lease is in doubt unless it is renewed; at least 0. */
  leftMs(): number;
}

export function createLease(clock: Clock): Lease {
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let graceEndsAtMs = Number.NEGATIVE_INFINITY;
  let verified = false;
  const inDoubt = () => clock.monotonic() - renewedAtMs >= LEASE_MS - LEASE_MARGIN_MS;
  return {
    renewed(startedAtMs) {
      if (!verified) graceEndsAtMs = clock.monotonic() + GRACE_MS;
      renewedAtMs = startedAtMs;
    },
    verified() {
      verified = true;
    },
    check() {
      if (inDoubt()) verified = false;
    },
    isSure: () => verified && !inDoubt(),
    inGrace: () => clock.monotonic() < graceEndsAtMs,
    leftMs: () => Math.max(0, renewedAtMs + LEASE_MS - LEASE_MARGIN_MS - clock.monotonic()),
  };
}
