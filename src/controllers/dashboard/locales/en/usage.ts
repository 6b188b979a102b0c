import { own } from '../../../../utils/own.ts';

const CATEGORIES: Record<string, string> = {
  message: 'Single messages',
  campaign: 'Broadcast',
  otp: 'Login codes',
};

export const usage = {
  usage: 'Usage',
  what: 'Resource',
  used: 'Used',
  limit: 'Limit',
  noLimit: 'no limit',
  sentIn: (month: string) => `Messages in ${month}`,
  about: 'A message counts when it is accepted, once. Days and months are in UTC.',
  download: 'Download as CSV',
  messages: 'Messages',
  category: 'Purpose',
  categories: (name: string) => own(CATEGORIES, name) ?? name,
  session: 'Session',
  kind: 'Type',
  engine: 'Engine',
  near: (name: string, used: string, limit: string) => `${name}: ${used} of ${limit} are used.`,
  plan: 'Plan',
};
