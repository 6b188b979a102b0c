/** Small things done to texts, each in time that grows with the text and no faster. */

/** Without any `char` at the end. A pattern such as `/\/+$/` would look at each run of them again and again. */
export function withoutTrailing(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end--;
  return text.slice(0, end);
}
