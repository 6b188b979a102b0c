/** The address of one message: what its pages have in common. */
import { z } from 'zod';

export const PATH = '/dashboard/messages/:messageId';
export const params = z.object({ messageId: z.string().min(1).max(64) });

/** Which one, when several of the tenant's sessions know a message by this id. */
export const query = z.object({
  direction: z.enum(['in', 'out']).optional().catch(undefined),
  session: z.string().max(100).optional().catch(undefined),
});

export const example = { params: { messageId: '3EB0A1B2C3D4E5F60718293A' } };
