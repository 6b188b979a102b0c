/** Mails that are still to be sent, and who has asked for an account and not confirmed the address yet. */
import { id, index, int, oneOf, string, table, timestamp } from '../kit.ts';

export const MAIL_KINDS = [
  'verify_email',
  'email_taken',
  'under_attack',
  'invitation',
  'invitation_failed',
  'password_reset',
  'password_was_reset',
  'factor_guessed',
  'factors_cleared',
  'identity_linked',
] as const;
export const MAIL_LANGUAGES = ['en', 'id'] as const;
/**
 * Why a mail was given up: the server will never take this recipient; it was there and did not take this mail for a day; it was
 * away for a day; or the address had its mails of the day, so that none was sent.
 */
export const MAIL_FAILURES = ['address_refused', 'mail_refused', 'server_away', 'mails_spent'] as const;

/** A mail that is still to be handed over: the row goes when it was, or when it is given up. It holds no secret. */
export const mailOutbox = table(
  'mail_outbox',
  {
    id: id().primaryKey(),
    kind: oneOf(...MAIL_KINDS).notNull(),
    address: string(255).notNull(),
    language: oneOf(...MAIL_LANGUAGES).notNull(),
    /** pending_registrations.id, for `verify_email` */
    registrationId: id(),
    /** workspace_invitations.id, for `invitation` */
    invitationId: id(),
    /** password_resets.id, for `password_reset` */
    resetId: id(),
    attempts: int().notNull().default(0),
    /** of one that is being sent: when somebody else may try */
    nextAttemptAt: timestamp().notNull(),
    giveUpAt: timestamp().notNull(),
    createdAt: timestamp().notNull(),
  },
  (t) => [index('mail_outbox_due_ix').on(t.nextAttemptAt, t.id)],
);

/** An account that begins when the link in a mail is opened; the row goes then, or at `expiresAt`. */
export const pendingRegistrations = table(
  'pending_registrations',
  {
    id: id().primaryKey(),
    email: string(255).notNull(),
    name: string(120).notNull(),
    passwordHash: string(100).notNull(),
    createdAt: timestamp().notNull(),
    expiresAt: timestamp().notNull(),
  },
  (t) => [index('pending_registrations_expiry_ix').on(t.expiresAt)],
);
