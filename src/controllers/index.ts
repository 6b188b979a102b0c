/** Every route of the service: what is mounted, documented, and walked by the security tests. */
import type { FailureStyle } from '../middlewares/http-env.ts';
import { alertRoutes } from './alerts.ts';
import { analyticsRoutes } from './analytics.ts';
import { authRoutes } from './auth.ts';
import { broadcastRoutes } from './broadcast/index.ts';
import { channelRoutes } from './channel.ts';
import { broadcastApiRoutes } from './dialects/broadcast-api.ts';
import { otpApiMessageRoutes } from './dialects/otp-api-messages.ts';
import { otpApiSessionRoutes } from './dialects/otp-api-sessions.ts';
import { BROADCAST_API_FAILURES, OTP_API_FAILURES } from './dialects/texts.ts';
import { eventRoutes } from './events.ts';
import { groupRoutes } from './group.ts';
import { healthRoutes } from './health.ts';
import { labelRoutes } from './labels.ts';
import { limitRoutes } from './limits.ts';
import { mediaRoutes } from './media.ts';
import { messageRoutes } from './message.ts';
import { metricsRoutes } from './metrics.ts';
import { numberCheckRoutes } from './number-checks.ts';
import { oidcRoutes } from './oidc.ts';
import { otpRoutes } from './otp.ts';
import { peopleRoutes } from './people.ts';
import { adminRoutes } from './plans.ts';
import { poolRoutes } from './pools.ts';
import { requestRoutes } from './requests.ts';
import type { Route } from './route.ts';
import { sessionRoutes } from './session.ts';
import { signInSecurityRoutes } from './sign-in-security.ts';
import { teamRoutes } from './team.ts';
import { usageRoutes } from './usage.ts';
import { userRoutes } from './user.ts';
import { webhookRoutes } from './webhook.ts';
import { workspaceRoutes } from './workspace.ts';

export const allRoutes: readonly Route[] = [
  ...authRoutes,
  ...oidcRoutes,
  ...userRoutes,
  ...signInSecurityRoutes,
  ...workspaceRoutes,
  ...teamRoutes,
  ...adminRoutes,
  ...sessionRoutes,
  ...groupRoutes,
  ...channelRoutes,
  ...peopleRoutes,
  ...labelRoutes,
  ...poolRoutes,
  ...limitRoutes,
  ...messageRoutes,
  ...mediaRoutes,
  ...numberCheckRoutes,
  ...told(OTP_API_FAILURES, otpRoutes),
  ...told(BROADCAST_API_FAILURES, broadcastRoutes),
  ...webhookRoutes,
  ...alertRoutes,
  ...requestRoutes,
  ...eventRoutes,
  ...told(OTP_API_FAILURES, analyticsRoutes),
  ...healthRoutes,
  ...metricsRoutes,
  ...usageRoutes,
  ...otpApiSessionRoutes,
  ...otpApiMessageRoutes,
  ...broadcastApiRoutes,
];

/** Under `/api` these are routes of older systems, whose clients know their failures by other words. */
function told(apiFailures: FailureStyle, routes: readonly Route[]): Route[] {
  return routes.map((route) => ({ ...route, apiFailures }));
}
