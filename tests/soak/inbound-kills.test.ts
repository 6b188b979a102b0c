/**
 * The long run of tests/e2e/inbound-kills.test.ts: everything twice, and kills also while the second starts are at work.
 * `npm run test:soak -- tests/soak/inbound-kills.test.ts`
 */
import { testInboundKills } from '../helpers/inbound-kills.ts';

testInboundKills({ rounds: 2, kills: 4 });
