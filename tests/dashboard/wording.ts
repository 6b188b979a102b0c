/** Rules for the words of pages: what may not stand in a sentence that a person reads. */
import { EVENTS } from '../../src/events/table.ts';

/** Common English words that are no Indonesian ones and no names of things that Indonesians call so. */
const ENGLISH = `
  about account accounts after again all already also always and another any are arrived as ask at attempt attempts
  automatically back be because been before begin begins being between but by can cannot change changed check choose
  click code codes connected contacts copy create created day days delete deleted deliver delivered details did
  different does done each edit empty enter every everybody everyone expired failed first for from get gets give goes
  has have here hour hours how if in into invalid is it its keep language last later left less like list lists long
  look message messages minute minutes more most must name names never new no nobody none not nothing now number
  numbers of once only open or other out over own password people person phone phones please queue quiet read received
  recipient recipients refused remove removed reply request restart right same save saved scan search see send sends
  sent service session sessions settings she should show since some somebody start started state still stop stopped
  such take text than that the their them then there these they this those through time times to today too tries try
  until up upload use used user users valid wait waiting waits was we what when where which while who why will with
  without words work works write wrong yes you your
`
  .trim()
  .split(/\s+/);
/** Words that Indonesian shares with English. */
const SHARED = new Set(['or', 'in', 'all', 'valid', 'text', 'code', 'by', 'list', 'edit']);
const ENGLISH_WORDS = new Set(ENGLISH.filter((word) => !SHARED.has(word)));

/** What a reader of Indonesian meets in English all the same: what must be typed, and names that are written so. */
const TYPED =
  /\{[^}]*\}|“[^”]*”|https?:\S+|\/[a-z][\w/.-]*|[\w-]+\.(?:json|com|us)|useMultiFileAuthState|main_credentials|webhook-id|Idempotency-Key|pre-key|health check|load balancer|WA_SERVER|\bnumber, phone\b|\bname atau\b|\bSTOP\b|\b(?:GET|POST|PUT|DELETE)\b|tekan Enter|WhatsApp Web|about:\S+/g;

/** The English words of an Indonesian text. */
export function englishIn(text: string): string[] {
  const words =
    text
      .replace(TYPED, ' ')
      .toLowerCase()
      .match(/[a-z]+(?:-[a-z]+)*/g) ?? [];
  return words.filter((word) => ENGLISH_WORDS.has(word));
}

const EVENT_NAMES = Object.keys(EVENTS);
/** Codes, and names of fields and states as programs write them. */
const RAW = /\b(?:breaker_\d+|[A-Z]{2,}(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|4(?:63|79))\b/g;
const ALLOWED = new Set(['WA_SERVER', 'main_credentials', 'useMultiFileAuthState', 'vCard']);

/** Event names, codes and field names that stand in a text. */
export function rawIn(text: string): string[] {
  const raw = (text.match(RAW) ?? []).filter((word) => !ALLOWED.has(word));
  return [...EVENT_NAMES.filter((name) => text.includes(name)), ...raw];
}

/** Sentences and words that were too hard to read and do not come back. */
const GONE = [
  'What becomes of it',
  'Small print below',
  'or its address',
  'Codes that were typed in',
  'Work it out',
  'Doubles',
  'stood there before',
  'everybody is served',
  'Kode masuk',
  'Kode yang diketikkan',
  'Keluarkan',
  'Pemutus',
  'Rahasia baru',
  'Yang dikirimnya',
  'Jalannya',
  'Breaker',
  // Words of a dictionary that no product team writes.
  'peramban',
  'surel',
  'berkas',
  'kunci API',
  'peristiwa',
  'basis data',
  'berhenti berlangganan',
  'kumpulan pengirim',
];

/** Words that are right elsewhere: as the whole of a label, or of sessions that were counted. */
const GONE_PLACES = [/^Sampai$/i, /\d keluar\b/];

export const goneIn = (text: string): string[] => [
  ...GONE.filter((one) => text.toLowerCase().includes(one.toLowerCase())),
  ...GONE_PLACES.flatMap((pattern) => text.match(pattern)?.[0] ?? []),
];

/** What a page shows a reader: its text without code, what others wrote and what is in another language. */
export function shownIn(html: string): string {
  return (
    html
      .replace(/<(script|style|pre|code|svg|textarea|datalist)[\s>][\s\S]*?<\/\1>/g, ' ')
      .replace(/<(\w+)[^>]*\slang="en"[^>]*>[\s\S]*?<\/\1>/g, ' ')
      .replace(/<(\w+)[^>]*class="[^"]*\bmono\b[^"]*"[^>]*>[\s\S]*?<\/\1>/g, ' ')
      .replace(/<[^>]+>/g, ' ')
      .replace(/&[#\w]+;/g, ' ')
      // Names of time zones.
      .replace(/\b[A-Z]\w+(?:\/[\w+-]+)+/g, ' ')
  );
}
