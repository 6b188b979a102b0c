import type { BinaryNode } from '@whiskeysockets/baileys';

/** The content of a result, or an error. */
export type IqAnswer = BinaryNode[] | IqError | 'silence';

/** An iq that is refused. */
interface IqError {
  code: number;
  text: string;
}
