/** Offers of businesses: buttons, lists, templates, products, orders, events. Read as their text and their choices. */
import type { proto } from '@whiskeysockets/baileys';
import type { InboundContent, OfferedButton, Price } from '../inbound-content.ts';
import { clip, LONG, MAX_SECONDS, MAX_URL, optionalText, positive, SHORT } from './decode-text.ts';

/** Buttons, cards, sections of one message; WhatsApp's own limits are 10 or 30. */
const MAX_ITEMS = 50;
/** Rows of one list. */
const MAX_ROWS = 200;
/** Characters of the JSON that describes a button; more is not looked into. */
const MAX_PARAMS = 16_384;

const some = <T>(items: readonly T[] | null | undefined, max: number): readonly T[] =>
  (items ?? []).slice(0, max);

export function decodeButtons(message: proto.Message.IButtonsMessage): InboundContent {
  return {
    type: 'buttons',
    text: clip(message.contentText ?? message.text, LONG),
    ...(message.contentText ? optionalText('title', message.text, SHORT) : {}),
    ...optionalText('footer', message.footerText, SHORT),
    buttons: some(message.buttons, MAX_ITEMS).map((button) => ({
      ...optionalText('id', button.buttonId, SHORT),
      text: clip(button.buttonText?.displayText ?? button.nativeFlowInfo?.name, SHORT),
    })),
  };
}

export function decodeList(message: proto.Message.IListMessage): InboundContent {
  let left = MAX_ROWS;
  const take = <T>(items: readonly T[] | null | undefined): readonly T[] => {
    const taken = some(items, left);
    left -= taken.length;
    return taken;
  };
  const own = some(message.sections, MAX_ITEMS).map((section) => ({
    ...optionalText('title', section.title, SHORT),
    rows: take(section.rows).map((row) => ({
      id: clip(row.rowId, SHORT),
      title: clip(row.title, SHORT),
      ...optionalText('description', row.description, SHORT),
    })),
  }));
  const products = some(message.productListInfo?.productSections, MAX_ITEMS).map((section) => ({
    ...optionalText('title', section.title, SHORT),
    rows: take(section.products).map(({ productId }) => ({
      id: clip(productId, SHORT),
      title: clip(productId, SHORT),
    })),
  }));
  return {
    type: 'list',
    ...optionalText('title', message.title, SHORT),
    text: clip(message.description, LONG),
    ...optionalText('footer', message.footerText, SHORT),
    buttonText: clip(message.buttonText, SHORT),
    sections: [...own, ...products],
  };
}

/** Null for the form that only servers understand: it names a template and its parameters. */
export function decodeTemplate(message: proto.Message.ITemplateMessage): InboundContent | null {
  if (message.interactiveMessageTemplate) return decodeInteractive(message.interactiveMessageTemplate);
  const template = message.hydratedTemplate ?? message.hydratedFourRowTemplate;
  if (!template) return null;
  return {
    type: 'template',
    ...optionalText('title', template.hydratedTitleText, SHORT),
    text: clip(template.hydratedContentText, LONG),
    ...optionalText('footer', template.hydratedFooterText, SHORT),
    buttons: some(template.hydratedButtons, MAX_ITEMS).map(
      ({ quickReplyButton: reply, urlButton: url, callButton: call }) => ({
        text: clip(reply?.displayText ?? url?.displayText ?? call?.displayText, SHORT),
        ...optionalText('id', reply?.id, SHORT),
        ...optionalText('url', url?.url, MAX_URL),
        ...optionalText('phone', call?.phoneNumber, SHORT),
      }),
    ),
  };
}

export function decodeInteractive(message: proto.Message.IInteractiveMessage): InboundContent {
  const cards = some(message.carouselMessage?.cards, MAX_ITEMS).map(plainCard);
  return { type: 'interactive', ...plainCard(message), ...(cards.length > 0 ? { cards } : {}) };
}

function plainCard({ header, body, footer, nativeFlowMessage }: proto.Message.IInteractiveMessage) {
  return {
    ...optionalText('title', header?.title, SHORT),
    text: clip(body?.text, LONG),
    ...optionalText('footer', footer?.text, SHORT),
    buttons: some(nativeFlowMessage?.buttons, MAX_ITEMS).map(nativeButton),
  };
}

/** `quick_reply`, `cta_url`, `cta_call`, `cta_copy`, `single_select` …: what is on it is JSON. */
function nativeButton(button: proto.Message.InteractiveMessage.NativeFlowMessage.INativeFlowButton) {
  const params = paramsOf(button.buttonParamsJson);
  const field = (name: string) => {
    const value = params?.[name];
    return typeof value === 'string' ? value : undefined;
  };
  const shown: OfferedButton = {
    text: clip(field('display_text') ?? field('title') ?? button.name, SHORT),
    ...optionalText('kind', button.name, SHORT),
    ...optionalText('id', field('id'), SHORT),
    ...optionalText('url', field('url'), MAX_URL),
    ...optionalText('phone', field('phone_number'), SHORT),
    ...optionalText('code', field('copy_code'), SHORT),
  };
  return shown;
}

/** The fields of JSON that stands for an object; null for everything else, and for what is too long to look into. */
export function paramsOf(json: string | null | undefined): Record<string, unknown> | null {
  if (typeof json !== 'string' || json.length > MAX_PARAMS) return null;
  try {
    const params: unknown = JSON.parse(json);
    return typeof params === 'object' && params !== null && !Array.isArray(params) ? { ...params } : null;
  } catch {
    return null;
  }
}

export function decodeProduct(message: proto.Message.IProductMessage): InboundContent {
  const { product } = message;
  return {
    type: 'product',
    productId: clip(product?.productId, SHORT),
    title: clip(product?.title, SHORT),
    ...optionalText('description', product?.description, LONG),
    ...priceOf('price', product?.priceAmount1000, product?.currencyCode),
    ...priceOf('salePrice', product?.salePriceAmount1000, product?.currencyCode),
    ...optionalText('retailerId', product?.retailerId, SHORT),
    ...optionalText('url', product?.url, MAX_URL),
    ...optionalText('text', message.body, LONG),
    ...optionalText('footer', message.footer, SHORT),
  };
}

export function decodeOrder(order: proto.Message.IOrderMessage): InboundContent {
  return {
    type: 'order',
    orderId: clip(order.orderId, SHORT),
    ...optionalText('title', order.orderTitle, SHORT),
    ...optionalText('text', order.message, LONG),
    items: positive(order.itemCount) ?? 0,
    ...priceOf('total', order.totalAmount1000, order.totalCurrencyCode),
  };
}

/** WhatsApp counts in thousandths of a currency's unit. */
function priceOf<N extends string>(name: N, thousandths: unknown, currency: unknown): { [K in N]?: Price } {
  const amount = positive(thousandths);
  const priced: { [K in N]?: Price } = {};
  if (amount !== null) {
    priced[name] = {
      amount: amount / 1_000,
      currency: clip(typeof currency === 'string' ? currency : '', 3),
    };
  }
  return priced;
}

export function decodeEvent(event: proto.Message.IEventMessage): InboundContent {
  const { location } = event;
  return {
    type: 'event',
    name: clip(event.name, SHORT),
    ...optionalText('description', event.description, LONG),
    ...timeOf('startsAt', event.startTime),
    ...timeOf('endsAt', event.endTime),
    ...optionalText('place', location?.name ?? location?.address, SHORT),
    ...pointOf(location),
    ...optionalText('joinLink', event.joinLink, MAX_URL),
    ...(event.isCanceled ? { canceled: true } : {}),
  };
}

/** Only of a place on earth; both 0 are what stands there when nobody has said where it is. */
function pointOf(
  location: proto.Message.ILocationMessage | null | undefined,
): { latitude: number; longitude: number } | null {
  const { degreesLatitude: latitude, degreesLongitude: longitude } = location ?? {};
  const isThere =
    typeof latitude === 'number' &&
    typeof longitude === 'number' &&
    Math.abs(latitude) <= 90 &&
    Math.abs(longitude) <= 180 &&
    (latitude !== 0 || longitude !== 0);
  return isThere ? { latitude, longitude } : null;
}

function timeOf<N extends string>(name: N, seconds: unknown): { [K in N]?: string } {
  const at = positive(seconds);
  return optionalText(
    name,
    at !== null && at <= MAX_SECONDS ? new Date(at * 1_000).toISOString() : null,
    SHORT,
  );
}
