/** Every route of the service: what is mounted, documented, and walked by the security tests. */
import { analyticsRoutes } from './analytics.ts';
import { authRoutes } from './auth.ts';
import { broadcastRoutes } from './broadcast/index.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { messageRoutes } from './message.ts';
import { otpRoutes } from './otp.ts';
import type { Route } from './route.ts';
import { sessionRoutes } from './session.ts';
import { userRoutes } from './user.ts';
import { webhookRoutes } from './webhook.ts';

export const allRoutes: readonly Route[] = [
  ...authRoutes,
  ...userRoutes,
  ...sessionRoutes,
  ...messageRoutes,
  ...otpRoutes,
  ...broadcastRoutes,
  ...webhookRoutes,
  ...eventRoutes,
  ...analyticsRoutes,
  ...healthRoutes,
];
