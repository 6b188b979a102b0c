/** The results of a poll, as they are at this moment. */

import type { PollOutput } from '../../../services/messages/poll.ts';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { View } from '../page.ts';
import { Live, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { messagePath } from './bubble.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

/** Voters that are named; the API names all. */
const MAX_NAMED = 100;

export function PollResults({
  view,
  message,
  poll,
}: {
  view: View;
  message: MessageOutput;
  poll: PollOutput;
}) {
  const t = MESSAGE_TEXTS(view.lang);
  const who = ({ jid, phone, name }: PollOutput['votes'][number]) =>
    name ?? (phone === null ? jid : shownNumber(phone)) ?? t.pollOwner;
  return (
    <Live id="poll" class="card" src={messagePath(message, '/poll')} events="poll.updated" everySeconds={30}>
      <h2>{t.pollResults}</h2>
      <p class="muted">{t.pollVoters(poll.voters.toLocaleString(view.lang))}</p>
      <table>
        <tbody>
          {poll.options.map(({ text, votes }) => (
            <tr>
              <td>{text}</td>
              <td class="num">{votes.toLocaleString(view.lang)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {poll.votes.length > 0 && (
        <details>
          <summary>{t.pollVotes}</summary>
          <ul>
            {poll.votes.slice(0, MAX_NAMED).map((vote) => (
              <li>
                {who(vote)}: {vote.options.join(', ') || t.pollTakenBack} <Time at={vote.at} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </Live>
  );
}
