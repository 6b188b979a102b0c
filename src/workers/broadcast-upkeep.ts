/** Four times a minute: imports that no process works on go on, deleted lists and old imports are cleared away. */

import { createLoop, type Loop } from '../db/loop.ts';
import { inBackground } from '../db/work.ts';
import { createImportResumer, forgetOldImports, removeOldFiles } from '../services/contacts/import/resume.ts';
import type { Deps } from '../services/context.ts';
import { purgeDeletedLists } from '../services/lists/lists.ts';

const PERIOD_MS = 15_000;

/** Makes the upkeep of broadcasts. Every step is safe in several processes at once. */
export function createBroadcastUpkeep(deps: Deps): Loop {
  const { clock, logger } = deps;
  const imports = createImportResumer(deps);
  const round = (signal: AbortSignal) => inBackground(null, () => work(signal));
  async function work(signal: AbortSignal): Promise<void> {
    void (await imports.resume(signal));
    await purgeDeletedLists(deps, signal);
    await forgetOldImports(deps, signal);
    await removeOldFiles(deps);
  }
  return createLoop({ clock, logger, name: 'the upkeep of broadcasts', periodMs: PERIOD_MS, round });
}
