import type { proto } from '@whiskeysockets/baileys';
import type { Content } from './types.ts';

type Button = NonNullable<Content['buttons']>[number];
type Section = NonNullable<Content['sections']>[number];

/** Buttons, lists, native flows, and what a person answers to them. */
export function readInteractive(content: proto.IMessage): Content | undefined {
  return readButtons(content) ?? readList(content) ?? readNativeFlow(content) ?? readReply(content);
}

function readButtons({ buttonsMessage, templateMessage }: proto.IMessage): Content | undefined {
  if (buttonsMessage) {
    return withPresent('buttons', {
      text: buttonsMessage.contentText,
      title: buttonsMessage.text,
      footer: buttonsMessage.footerText,
      buttons: (buttonsMessage.buttons ?? []).map(({ buttonId, buttonText }) => ({
        id: buttonId ?? '',
        text: buttonText?.displayText ?? '',
      })),
    });
  }
  const template = templateMessage?.hydratedTemplate ?? templateMessage?.hydratedFourRowTemplate;
  return template
    ? withPresent('buttons', {
        text: template.hydratedContentText,
        title: template.hydratedTitleText,
        footer: template.hydratedFooterText,
        buttons: (template.hydratedButtons ?? []).map(({ quickReplyButton, urlButton }) => ({
          id: quickReplyButton?.id ?? '',
          text: quickReplyButton?.displayText ?? urlButton?.displayText ?? '',
          ...(urlButton?.url ? { url: urlButton.url } : {}),
        })),
      })
    : undefined;
}

function readList({ listMessage }: proto.IMessage): Content | undefined {
  return listMessage
    ? withPresent('list', {
        text: listMessage.description,
        title: listMessage.title,
        footer: listMessage.footerText,
        buttonText: listMessage.buttonText,
        sections: (listMessage.sections ?? []).map(({ title, rows }) => ({
          title: title ?? '',
          rows: (rows ?? []).map((row) => ({
            id: row.rowId ?? '',
            title: row.title ?? '',
            ...(row.description ? { description: row.description } : {}),
          })),
        })),
      })
    : undefined;
}

function readNativeFlow({ interactiveMessage: message }: proto.IMessage): Content | undefined {
  if (!message) {
    return undefined;
  }
  const buttons: Button[] = [];
  let sections: Section[] | undefined;
  let buttonText: string | undefined;
  for (const { name, buttonParamsJson } of message.nativeFlowMessage?.buttons ?? []) {
    const parameters = parseParameters(buttonParamsJson);
    if (name === 'single_select') {
      sections = readSections(parameters.sections);
      buttonText = textField(parameters, 'title');
    } else {
      buttons.push({
        id: textField(parameters, 'id') ?? '',
        text: textField(parameters, 'display_text') ?? '',
        kind: name ?? '',
        ...present('url', textField(parameters, 'url')),
        ...present('code', textField(parameters, 'copy_code')),
        ...present('phone', textField(parameters, 'phone_number')),
      });
    }
  }
  return withPresent('interactive', {
    text: message.body?.text,
    title: message.header?.title,
    footer: message.footer?.text,
    buttonText,
    sections,
    buttons: buttons.length > 0 ? buttons : undefined,
  });
}

function readReply(content: proto.IMessage): Content | undefined {
  const {
    buttonsResponseMessage: button,
    listResponseMessage: list,
    templateButtonReplyMessage: template,
  } = content;
  if (button) {
    return answer(button.selectedButtonId, button.selectedDisplayText);
  }
  if (list) {
    return answer(list.singleSelectReply?.selectedRowId, list.title);
  }
  return template ? answer(template.selectedId, template.selectedDisplayText) : undefined;
}

function answer(id: string | null | undefined, text: string | null | undefined): Content {
  return { type: 'text', text: text ?? '', buttons: [{ id: id ?? '', text: text ?? '' }] };
}

function readSections(value: unknown): Section[] {
  return asList(value).map((section) => ({
    title: textField(section, 'title') ?? '',
    rows: asList(section.rows).map((row) => ({
      id: textField(row, 'id') ?? '',
      title: textField(row, 'title') ?? '',
      ...present('description', textField(row, 'description')),
    })),
  }));
}

function parseParameters(json: string | null | undefined): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(json ?? '{}'));
  } catch {
    return {}; // a phone shows such a button without a label
  }
}

/** An object's fields, unknown each; nothing for what is not an object. */
function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): Array<Record<string, unknown>> {
  return Array.isArray(value) ? value.map(asRecord) : [];
}

function textField(fields: Record<string, unknown>, key: string): string | undefined {
  const value = fields[key];
  return typeof value === 'string' ? value : undefined;
}

function present<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return value ? ({ [key]: value } as { [key in K]?: string }) : {};
}

/** A content of that type with the fields that have a value. */
function withPresent(
  type: Content['type'],
  fields: { [K in keyof Content]?: Content[K] | null | undefined },
): Content {
  const kept = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  return { type, ...Object.fromEntries(kept) };
}
