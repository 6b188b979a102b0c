import { AppError } from '../../utils/errors.ts';
import { CAPABILITIES } from '../../whatsapp/capabilities.ts';
import type { ContentType } from '../../whatsapp/content.ts';
import type { EngineCapabilities } from '../../whatsapp/engine.ts';
import type { Ctx } from '../context.ts';

/** Throws NOT_SUPPORTED unless the service's engine can send such content. */
export function requireContentType(ctx: Pick<Ctx, 'config'>, type: ContentType): void {
  const { contentTypes }: EngineCapabilities = CAPABILITIES[ctx.config.engine];
  if (!contentTypes.includes(type)) throw notSupported(ctx, `send ${type} messages`);
}

/** What an engine may lack, in the words of the refusal. */
const ABILITIES = {
  groups: 'list groups',
  groupChanges: 'manage groups',
  people: 'look people up or block them',
  chats: 'change how the phone keeps chats',
  presence: 'show or see who is online',
  calls: 'reject calls',
  markRead: 'mark messages as read',
  marks: 'pin or star messages',
  mediaAgain: 'ask the phone for files',
  amend: 'edit or delete messages',
  status: 'post to the status or read it',
  channels: 'list channels, post to them or read them',
} as const satisfies Partial<Record<keyof EngineCapabilities, string>>;

/** Throws NOT_SUPPORTED unless the service's engine can do that. */
export function requireCapability(ctx: Pick<Ctx, 'config'>, name: keyof typeof ABILITIES): void {
  const can: EngineCapabilities = CAPABILITIES[ctx.config.engine];
  if (!can[name]) throw notSupported(ctx, ABILITIES[name]);
}

function notSupported({ config }: Pick<Ctx, 'config'>, what: string): AppError {
  return new AppError('NOT_SUPPORTED', `The engine ${config.engine} cannot ${what}.`, {
    details: { engine: config.engine },
  });
}
