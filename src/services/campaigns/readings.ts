/** Numbers of a campaign that can be read in several ways: what each can be, so that its writer knows what to write. */
import { mapInTurns } from '../../db/batches.ts';
import { readingsIn } from '../../utils/phone.ts';
import type { Ctx } from '../context.ts';
import type { CampaignRecipient } from './schemas.ts';

/** The reason of a recipient whose number is none, or can be read in several ways. */
const INVALID = 'invalid';

/** The recipients with the readings of those whose numbers have several. The loop turns in between. */
export function withReadings(
  { config }: Pick<Ctx, 'config'>,
  recipients: readonly CampaignRecipient[],
): Promise<CampaignRecipient[]> {
  return mapInTurns(recipients, (recipient) => {
    if (recipient.reason !== INVALID) return recipient;
    const readings = readingsIn(recipient.number, config.defaultCountry);
    if (readings.length < 2) return recipient;
    const reasonMessage = `the number can be read in ${readings.length} ways: write ${readings.join(' or ')}`;
    return { ...recipient, readings, reasonMessage };
  });
}
