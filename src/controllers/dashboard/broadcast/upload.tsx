/** Sending a file, with a bar that shows how much of it has arrived. */

import type { Child } from 'hono/jsx';
import type { ReceivedFile } from '../../../services/media/sources.ts';
import { AppError } from '../../../utils/errors.ts';
import { texts } from '../i18n.ts';
import { Submit } from '../kit.tsx';
import * as english from '../locales/en/broadcast-upload.ts';
import * as indonesian from '../locales/id/broadcast-upload.ts';
import type { View } from '../page.ts';
import { Form } from '../parts.tsx';

const T = texts({ en: english.broadcastUpload, id: indonesian.broadcastUpload });

export function UploadForm({
  view,
  action,
  label,
  hint,
  accept,
  button,
  children,
}: {
  view: View;
  action: string;
  label: string;
  hint: string;
  accept: string;
  button: string;
  /** further fields */
  children?: Child;
}) {
  const t = T(view.lang);
  return (
    <Form view={view} action={action} multipart class="stack">
      <div class="field">
        <label for="f-file">{label}</label>
        <input id="f-file" name="file" type="file" required accept={accept} aria-describedby="f-file-hint" />
        <span class="hint" id="f-file-hint">
          {hint}
        </span>
      </div>
      {children}
      <div data-upload hidden role="status">
        <p data-upload-text data-sending={t.sending} data-sent={t.sent}>
          {t.sending}
        </p>
        <progress max={100} value={0} aria-label={t.progress} />
      </div>
      <div class="row">
        <Submit>{button}</Submit>
      </div>
    </Form>
  );
}

/** The chosen file of a form. Throws VALIDATION_FAILED without one. */
export function requireFile(files: ReadonlyMap<string, ReceivedFile>): ReceivedFile {
  const file = files.get('file');
  if (file) return file;
  throw new AppError('VALIDATION_FAILED', 'Choose a file first.', { details: { file: 'is required' } });
}
