import type { RelayLook } from '../../queue/account-state.ts';
import type { Leavings } from '../../queue/claim.ts';
import type { Claimer } from '../../queue/claim-rows.ts';
import type { IntakeDeps, QueueDeps } from '../../queue/deps.ts';
import type { LimitPauses } from '../../queue/limit-pauses.ts';
import type { Settler } from '../../queue/settle.ts';
import type { LoopShare } from '../../utils/loop-share.ts';
import type { Outgoing } from '../../whatsapp/content.ts';
import type { Engine } from '../../whatsapp/engine.ts';

export interface DispatcherDeps extends QueueDeps, Pick<IntakeDeps, 'peers'> {
  engine: Pick<Engine, 'send' | 'isConnected' | 'expectUrgent'>;
  settler: Settler;
  loopShare: LoopShare;
  /**
   * How the history's content becomes what an engine sends: opens what is sealed. Null: it must not be sent any
   * more. Missing: it is ready to be sent as it is.
   */
  openContent?: (content: unknown) => Promise<Outgoing | null> | Outgoing | null;
  /** False once this process's lease is about to end: nothing may be claimed or sent. */
  isSafe?: () => boolean;
  /** False while another process may queue messages, of which this one hears later. Missing: there is none. */
  isAlone?: () => boolean;
  /** between 0 and 1, for gaps and backoff */
  random?: () => number;
}

/** Parts that the lines of one dispatcher share. */
export interface LineDeps extends DispatcherDeps {
  claimer: Claimer;
  lookBeforeRelay: RelayLook;
  noteLeaving: Leavings;
  limitPauses: LimitPauses;
}
