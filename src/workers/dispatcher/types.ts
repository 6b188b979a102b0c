import type { QueueDeps } from '../../queue/deps.ts';
import type { Settler } from '../../queue/settle.ts';
import type { Content } from '../../whatsapp/content.ts';
import type { Engine } from '../../whatsapp/engine.ts';

export interface DispatcherDeps extends QueueDeps {
  engine: Pick<Engine, 'send' | 'isConnected'>;
  settler: Settler;
  /** How the history's content becomes what an engine sends: opens what is sealed. Missing: it is that already. */
  openContent?: (content: unknown) => Content;
  /** False once this process's lease is about to end: nothing may be claimed or sent. */
  isSafe?: () => boolean;
  /** between 0 and 1, for gaps and backoff */
  random?: () => number;
}
