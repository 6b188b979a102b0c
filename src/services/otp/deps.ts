import type { QueueDeps } from '../../queue/deps.ts';
import type { Config } from '../../utils/config.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import type { LidBook } from '../../whatsapp/lids.ts';

/** Dependencies of the OTP verbs; the service's `Deps` and every `Ctx` fit. */
export interface OtpDeps extends QueueDeps {
  config: QueueDeps['config'] & Pick<Config, 'defaultCountry'>;
  secrets: SecretBox;
  lids: LidBook;
}
