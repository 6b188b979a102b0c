/** Whether a proxy leads to WhatsApp: asked before a session depends on it. */
import { readFileSync } from 'node:fs';
import { describeProxy } from '../../utils/proxy/address.ts';
import { ProxyFailure } from '../../utils/proxy/dial.ts';
import { createEgress } from '../../utils/proxy/egress.ts';
import { probeServer } from '../../whatsapp/probe.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { proxyToTest } from './connection.ts';
import { findSession, type SessionRef } from './find.ts';
import type { ProxyTestInput, ProxyTestOutput } from './schemas.ts';

/** The proxy is given up after 10 s; then comes the handshake with WhatsApp. */
const TEST_TIMEOUT_MS = 15_000;

/**
 * Opens a WebSocket to WhatsApp through the session's proxy, or through one that is not saved yet, and says nothing on it.
 * Throws SESSION_NOT_FOUND, CONFLICT without a proxy, VALIDATION_FAILED, URL_REFUSED.
 */
export async function testProxy(ctx: Ctx, ref: SessionRef, input: ProxyTestInput): Promise<ProxyTestOutput> {
  requireScope(ctx, 'sessions:write');
  const session = await findSession(ctx, ref);
  const proxy = await proxyToTest(ctx, session, input.proxy);
  const { waServer } = ctx.config;
  const ca = waServer?.caFile ? readFileSync(waServer.caFile, 'utf8') : undefined;
  const egress = createEgress(proxy, { rules: ctx.proxyRules, ca });
  const startedAt = ctx.clock.monotonic();
  try {
    const failure = await probeServer({ waServer, egress, timeoutMs: TEST_TIMEOUT_MS });
    const answer = { proxy: describeProxy(proxy), latencyMs: Math.round(ctx.clock.monotonic() - startedAt) };
    if (failure === null)
      return { ok: true, reason: null, message: 'WhatsApp answers through this proxy.', ...answer };
    if (failure instanceof ProxyFailure) {
      return { ok: false, reason: `proxy_${failure.kind}`, message: failure.message, ...answer };
    }
    const message = 'The proxy leads through, but WhatsApp does not answer behind it.';
    return { ok: false, reason: 'whatsapp_unreachable', message, ...answer };
  } finally {
    egress.close();
  }
}
