/** The answers to an event, as they are at this moment. */

import type { EventOutput } from '../../../services/messages/event-responses.ts';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { View } from '../page.ts';
import { Live, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { messagePath } from './bubble.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { answerWords } from './words.ts';

/** People that are named; the API names all. */
const MAX_NAMED = 100;

export function EventAnswers({
  view,
  message,
  event,
}: {
  view: View;
  message: MessageOutput;
  event: EventOutput;
}) {
  const t = MESSAGE_TEXTS(view.lang);
  const { going, guests, maybe, notGoing } = event.totals;
  const shown = (n: number) => n.toLocaleString(view.lang);
  return (
    <Live
      id="event"
      class="card"
      src={messagePath(message, '/event')}
      events="event.updated"
      everySeconds={30}
    >
      <h2>{t.eventAnswers}</h2>
      <p>{t.eventTotals(shown(going), shown(guests), shown(maybe), shown(notGoing))}</p>
      {event.responses.length > 0 && (
        <details>
          <summary>{t.eventWho}</summary>
          <ul>
            {event.responses.slice(0, MAX_NAMED).map((answer) => (
              <li>
                {answer.name ??
                  (answer.phone === null ? answer.jid : shownNumber(answer.phone)) ??
                  t.pollOwner}
                : {answerWords(view, answer)} <Time at={answer.at} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </Live>
  );
}
