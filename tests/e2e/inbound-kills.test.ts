/**
 * Everything that comes in, in the history once and told once, over kill -9: each kind once, and three kills.
 * `npm run test:soak -- tests/soak/inbound-kills.test.ts` does more.
 */
import { testInboundKills } from '../helpers/inbound-kills.ts';

testInboundKills({ rounds: 1, kills: 3 });
