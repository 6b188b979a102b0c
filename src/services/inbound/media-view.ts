/** How a file shows in answers, webhooks and live events: with a link that opens it. */
import { type Deps, withParts } from '../context.ts';
import { signedMediaPath } from '../media/verbs.ts';

export type MediaLinkDeps = Pick<Deps, 'secrets' | 'clock'> & { config: Pick<Deps['config'], 'publicUrl'> };

/**
 * The content of a message of that tenant; a file that we have gets a `url`, which opens it without a credential for
 * a day. Everything else comes back as it is.
 */
export function withMediaUrl(deps: MediaLinkDeps, userId: number, content: unknown): unknown {
  if (typeof content !== 'object' || content === null || !('media' in content)) return content;
  const { media } = content;
  if (typeof media !== 'object' || media === null || !('id' in media) || typeof media.id !== 'string') {
    return content;
  }
  const url = `${deps.config.publicUrl}${signedMediaPath(withParts(deps, { actor: { userId } }), media.id)}`;
  return { ...content, media: { ...media, url } };
}
