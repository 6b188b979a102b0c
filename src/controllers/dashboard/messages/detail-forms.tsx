/** Editing a message, and forwarding it. */
import { editableText } from '../../../services/messages/amend.ts';
import { isForwardable } from '../../../services/messages/forward.ts';
import type { MessageDetail } from '../../../services/messages/schemas.ts';
import { Submit } from '../kit.tsx';
import { NumberHint } from '../number-hint.tsx';
import type { View } from '../page.ts';
import { Field, Form, TextArea } from '../parts.tsx';
import { messagePath } from './bubble.tsx';
import { canRevoke } from './detail-progress.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

export function EditForm({ view, message, now }: { view: View; message: MessageDetail; now: number }) {
  const t = MESSAGE_TEXTS(view.lang);
  const text = view.canWrite && canRevoke(message) ? editableText(message, now) : null;
  if (text === null) return null;
  return (
    <div class="card">
      <h2>{t.edit}</h2>
      <Form view={view} action={messagePath(message, '/edit')}>
        <TextArea label={t.newText} name="text" rows={3} value={text} required hint={t.editHint} />
        <Submit>{t.saveEdit}</Submit>
      </Form>
    </div>
  );
}

export function ForwardForm({ view, message }: { view: View; message: MessageDetail }) {
  const t = MESSAGE_TEXTS(view.lang);
  if (!view.canWrite || !isForwardable(message)) return null;
  return (
    <details class="card">
      <summary>{t.forward}</summary>
      <Form view={view} action={messagePath(message, '/forward')}>
        <Field
          label={t.forwardTo}
          name="to"
          inputmode="tel"
          hint={<NumberHint />}
          autocomplete="off"
          required
        />
        <input type="hidden" name="session" value={message.sessionId} />
        <Submit>{t.forward}</Submit>
      </Form>
    </details>
  );
}
