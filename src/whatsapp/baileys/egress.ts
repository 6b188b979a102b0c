/** The way out of one session: through its proxy, where it has one. */
import { readFileSync } from 'node:fs';
import type { ConnectRules } from '../../utils/guarded-http/connector.ts';
import { createEgress, type Egress } from '../../utils/proxy/egress.ts';
import type { ConnectionSettings, EngineCallbacks } from '../engine.ts';
import { FETCH_LIMITS } from './media-connection.ts';
import type { WaServer } from './socket-config.ts';

/** A session's own way out, to be closed by who asked; null: it goes directly. Rejects when it cannot be told. */
export type EgressSource = (accountId: string) => Promise<Egress | null>;

/** Null for a session without a proxy. */
export function egressFor(
  { proxy }: Pick<ConnectionSettings, 'proxy'>,
  rules: ConnectRules,
  waServer: WaServer | null,
): Egress | null {
  if (proxy === null) return null;
  return createEgress(proxy, {
    rules,
    limits: FETCH_LIMITS,
    ca: waServer?.caFile ? readFileSync(waServer.caFile, 'utf8') : undefined,
  });
}

/** For files that are fetched apart from a session's socket. */
export function createEgressSource(
  callbacks: Pick<EngineCallbacks, 'connectionOf'>,
  rules: ConnectRules,
  waServer: WaServer | null,
): EgressSource {
  return async (accountId) => egressFor(await callbacks.connectionOf(accountId), rules, waServer);
}
