/** A helper process that turns a workbook or an address book into CSV. */
import { serveJobs } from '../../../../utils/helper-process.ts';
import { vcardToCsv } from './vcard.ts';
import { workbookToCsv } from './workbook.ts';

export type TableFormat = 'xlsx' | 'vcard';

export interface TableJob {
  format: TableFormat;
  input: string;
  output: string;
}

serveJobs(async (given) => {
  const { format, input, output } = asJob(given);
  await (format === 'xlsx' ? workbookToCsv(input, output) : vcardToCsv(input, output));
  return null;
});

/** Safe because `toCsv` sends nothing else. */
function asJob(job: unknown): TableJob {
  return job as TableJob;
}
