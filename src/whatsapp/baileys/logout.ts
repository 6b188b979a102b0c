import type { Clock } from '../../utils/clock.ts';
import { withBound } from './bound.ts';
import type { Link } from './link-types.ts';

/**
 * Asks WhatsApp to unlink this device and closes the socket; true when the server confirmed in time. rc14's own
 * `logout` does not wait for the answer, and hangs when none comes.
 */
export async function unlinkDevice(link: Link, clock: Clock, timeoutMs: number): Promise<boolean> {
  const jid = link.sock.authState.creds.me?.id;
  if (!jid || !link.isOpen()) return false;
  const answered = link.sock.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'md', id: link.sock.generateMessageTag() },
    content: [{ tag: 'remove-companion-device', attrs: { jid, reason: 'user_initiated' } }],
  });
  let confirmed = false;
  try {
    const bound = await withBound(clock, answered, timeoutMs, link.closed);
    // A timed out query of Baileys resolves without a node.
    confirmed = bound.done && bound.value !== undefined;
  } catch {
    // Refused: still linked, as far as we know.
  }
  await link.finish(
    confirmed
      ? { reason: 'logged_out', code: 401, message: 'logged out by request' }
      : { reason: 'closed_by_us', message: 'the server did not confirm the logout' },
  );
  return confirmed;
}
