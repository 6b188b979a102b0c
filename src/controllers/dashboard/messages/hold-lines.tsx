/** The reasons for which messages wait, a paragraph each: pages of a message and of a session say it alike. */
import type { WaitingFor } from '../../../services/messages/schemas.ts';
import { holdWords } from '../../../services/messages/waiting-words.ts';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/messages.ts';
import * as indonesian from '../locales/id/messages.ts';
import type { View } from '../page.ts';
import { Time } from '../parts.tsx';

const T = texts({ en: english.messages, id: indonesian.messages });

/** Each blocker with its own end and what can be done; what lasts longest is the headline. */
export function HoldLines({
  view,
  waitingFor,
  words = holdWords,
}: {
  view: View;
  waitingFor: WaitingFor;
  words?: typeof holdWords;
}) {
  return (
    <>
      {waitingFor.map(({ reason, until }, i) => {
        const { text, fix } = words(view.lang, reason);
        return (
          <p class={i === 0 ? undefined : 'small'}>
            <b>{text}</b>{' '}
            {until !== null && (
              <span>
                {T(view.lang).heldUntil} <Time at={until} />.
              </span>
            )}{' '}
            {fix}
          </p>
        );
      })}
    </>
  );
}
