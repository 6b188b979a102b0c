/** CSV that is made while it is sent. */
import type { Context } from 'hono';

/** Answers with the lines as a file to save, no faster than the client reads. */
export function answerCsv(http: Context, fileName: string, lines: AsyncIterable<string>): Response {
  http.header('content-type', 'text/csv; charset=utf-8');
  http.header('content-disposition', `attachment; filename="${fileName}"`);
  http.header('cache-control', 'no-store');
  return http.body(toStream(lines));
}

function toStream(lines: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = lines[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
