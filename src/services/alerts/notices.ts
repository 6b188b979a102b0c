/** What notices say. */
import { eq } from 'drizzle-orm';
import { workspaces } from '../../db/schema.ts';
import type { Alarm } from '../alarms/alarms.ts';
import { alarmPath, alarmText } from '../alarms/words.ts';
import type { Deps } from '../context.ts';
import type { ChannelRow, Notice } from './deliver.ts';

type NoticeDeps = Pick<Deps, 'config' | 'db' | 'clock'>;
type Lang = ChannelRow['language'];

/** The workspace as notices name it. */
interface Place {
  name: string;
  zone: string;
}

export interface ToldAlarm {
  alarm: Alarm;
  phase: 'began' | 'solved';
}

const ALERTS_PATH = '/dashboard/alerts';
/** Open alarms that a summary names. */
const NAMED = 10;

const WORDS = {
  en: {
    solved: 'Solved',
    workspace: 'Workspace',
    settings: 'Change what you are told',
    test: 'This is a test. Alarms of the workspace will be told here.',
    testSubject: 'Test',
    summary: (began: number, solved: number) =>
      `There were many alarms within an hour. ${began} more began, ${solved} more were solved.`,
    latest: 'The latest:',
  },
  id: {
    solved: 'Selesai',
    workspace: 'Workspace',
    settings: 'Ubah pemberitahuan',
    test: 'Ini percobaan. Alarm workspace akan diberitahukan di sini.',
    testSubject: 'Percobaan',
    summary: (began: number, solved: number) =>
      `Ada banyak alarm dalam satu jam. ${began} alarm lagi muncul, ${solved} alarm lagi selesai.`,
    latest: 'Yang terbaru:',
  },
} as const;

/** Where the times and the name of the workspace come from. */
export async function placeOf({ db, config }: NoticeDeps, userId: number): Promise<Place> {
  const [row] = await db
    .select({ name: workspaces.name, zone: workspaces.timeZone })
    .from(workspaces)
    .where(eq(workspaces.id, userId));
  return { name: row?.name ?? '', zone: row?.zone ?? config.housekeepingTimeZone };
}

const lineOf = (deps: NoticeDeps, lang: Lang, { zone }: Place, { alarm, phase }: ToldAlarm): string => {
  const text = alarmText(alarm, { lang, zone, now: deps.clock.now() });
  return phase === 'solved' ? `${WORDS[lang].solved}: ${text}` : text;
};

/** The notice of one alarm, under the id of its row. */
export function noticeOf(
  deps: NoticeDeps,
  channel: ChannelRow,
  place: Place,
  id: string,
  told: ToldAlarm,
): Notice {
  const line = lineOf(deps, channel.language, place, told);
  const url = `${deps.config.publicUrl}${alarmPath(told.alarm)}`;
  const { kind, sessionId, webhookId, reason, since } = told.alarm;
  const data = { kind, sessionId, webhookId, reason, since: toIso(since), text: line, url };
  const event = { type: `alarm.${told.phase}`, data };
  return { id, ...letter(deps, channel, place, line, [line, url]), event };
}

/** One notice for all that were held back. */
export function summaryOf(
  deps: NoticeDeps,
  channel: ChannelRow,
  place: Place,
  id: string,
  all: readonly ToldAlarm[],
): Notice {
  const words = WORDS[channel.language];
  const began = all.filter(({ phase }) => phase === 'began').length;
  const solved = all.length - began;
  const line = words.summary(began, solved);
  const lines = all.slice(-NAMED).map((told) => `- ${lineOf(deps, channel.language, place, told)}`);
  const event = { type: 'alarm.summary', data: { began, solved, text: line } };
  return { id, ...letter(deps, channel, place, line, [line, words.latest, ...lines]), event };
}

export function testNotice(deps: NoticeDeps, channel: ChannelRow, place: Place, id: string): Notice {
  const words = WORDS[channel.language];
  const event = { type: 'alarm.test', data: { text: words.test } };
  return { id, ...letter(deps, channel, place, words.testSubject, [words.test]), event };
}

function letter(deps: NoticeDeps, { language }: ChannelRow, { name }: Place, line: string, lines: string[]) {
  const words = WORDS[language];
  const settings = `${words.settings}: ${deps.config.publicUrl}${ALERTS_PATH}`;
  return {
    subject: `WaHub: ${line}`.slice(0, 200),
    text: [...lines, '', `${words.workspace}: ${name}`, settings].join('\n'),
  };
}

const toIso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
