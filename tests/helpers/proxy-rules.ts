import { type ConnectRules, resolveBySystem } from '../../src/utils/guarded-http/connector.ts';

/** Proxies of tests listen on this machine. */
export const TEST_PROXY_RULES: ConnectRules = {
  resolve: resolveBySystem,
  allowPrivate: true,
  allowHosts: new Set(),
  connectTimeoutMs: 2_000,
};
