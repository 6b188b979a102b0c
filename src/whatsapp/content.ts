/** What a message is made of, as the history keeps it and as an engine sends it. */

export interface TextContent {
  type: 'text';
  text: string;
}

export type Content = TextContent;
export type ContentType = Content['type'];

/** What arrived: what we can send, or the name of a kind that we cannot read yet. */
export type InboundContent = Content | { type: 'unsupported'; kind: string };
