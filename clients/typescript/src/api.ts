/** Generated from the OpenAPI document by `npm run client:generate`: do not edit. */

export interface paths {
    "/analytics/cleanup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Delete old log entries
         * @description Your own; an admin may say whose, or `all=true`. Codes that can still be used stay.
         *
         *     An API key needs the scope `analytics:write`.
         */
        post: operations["postAnalyticsCleanup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/dashboard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sessions, messages and codes, in all and today
         * @description Counts for an overview. A day begins at midnight in the time zone of the workspace, or in `timezone`.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsDashboard"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A log as a file
         * @description Streamed, newest first; never codes or the content of messages. What a spreadsheet would take for a formula begins with '.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/logs/activity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened, newest first
         * @description Facts about sessions, messages and codes, and the calls of the API.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsLogsActivity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/logs/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What went wrong, newest first
         * @description Entries of the activity log that tell of failures, for example messages that failed and sessions that ended.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsLogsErrors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/logs/otp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of codes, newest first
         * @description Never the codes. `statistics` counts what the filter holds, up to 10,000 of each state.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsLogsOtp"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/otp/conversion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many codes were typed in, by day and by country
         * @description Of the codes that were made in the last days; up to half a minute old.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsOtpConversion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages by hour or day, codes, and what waits
         * @description Of the caller, up to 15 s old; each message counts once, where it has come by now.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsOverview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/sessions/{sessionId}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a session did in the last days
         * @description By type, hour and day, with rates, response times and uptime; up to half a minute old.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAnalyticsSessionsSessionIdStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/assets/qr-page.css": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The style of the QR page
         * @description For light and dark screens.
         */
        get: operations["getAssetsQrPageCss"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/assets/qr-page.js": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The script of the QR page
         * @description It renews the code and says when the session is connected.
         */
        get: operations["getAssetsQrPageJs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/accept-invitation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept an invitation
         * @description With the `token` of the link. A new person chooses `name` and `password`; whoever has an account with that address sends its password, or the Bearer token of a sign-in. The answer signs in to the workspace.
         */
        post: operations["postAuthAcceptInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List extra API keys
         * @description Their names, scopes, makers and last use. A key itself is shown only when it is made.
         */
        get: operations["getAuthApiKeys"];
        put?: never;
        /**
         * Make an extra API key
         * @description Named, with scopes, optionally for one session and until a time. A member of several sessions has to name one of them. The key is shown once.
         */
        post: operations["postAuthApiKeys"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End an extra API key
         * @description It stops working at once, also for requests that come in at this moment.
         */
        delete: operations["deleteAuthApiKeysId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/change-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the own password
         * @description Ends every token and signed link that was made before; the answer holds a new token.
         */
        post: operations["postAuthChangePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/forgot-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for a link for a new password
         * @description Where the service sends mails (SMTP_HOST). The answer is the same whether there is such an account or not. The link works once, for an hour; at most three mails to one address in an hour, and 20 questions from one network.
         */
        post: operations["postAuthForgotPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the own identities at OpenID providers
         * @description They are linked on the account page of the dashboard.
         */
        get: operations["getAuthIdentities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/identities/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Unlink an own identity
         * @description The last one of an account without a password stays.
         */
        delete: operations["deleteAuthIdentitiesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in
         * @description Whoever has a second factor is answered 401 SECOND_FACTOR_REQUIRED, with `details`: the `token` for `POST /auth/second-factor`, the `methods` that are possible (`totp`, `passkey`, `recovery_code`) and `expiresAt`.
         */
        post: operations["postAuthLogin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who am I
         * @description `apiKey` is only in the answer to a JWT.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getAuthMe"];
        /**
         * Change the settings of the workspace
         * @description `timezone` is an IANA name; `scheduledAt` and `expiresAt` without an offset are times in it. null: the zone of the service.
         */
        put: operations["putAuthMe"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/oidc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Where people can sign in with an account of another service
         * @description The OpenID providers that the service has set up. A person opens `url` in a browser.
         */
        get: operations["getAuthOidc"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/regenerate-api-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace the own API key
         * @description Answers the new key. The old one works for `graceMinutes` more, so that programs can be changed without a gap.
         */
        post: operations["postAuthRegenerateApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Register
         * @description A new user with the role `user`. Closed in production unless ALLOW_REGISTRATION=true. Where the service sends mails (SMTP_HOST), the answer is 202 with `verification`, also for an e-mail that is taken, and the account begins with `POST /auth/verify-email`.
         */
        post: operations["postAuthRegister"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Choose a new password, with the token of a link
         * @description Once. Every sign-in, token and signed link of before is over; the second factor stays.
         */
        post: operations["postAuthResetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give the second factor, after the password
         * @description With the `token` in the details of SECOND_FACTOR_REQUIRED, which `POST /auth/login` answers to whoever has a second factor: a `code` of the authenticator app, a recovery code, or the `assertion` of a passkey. The step is open for ten minutes and ends with the first right answer; no code is taken twice.
         */
        post: operations["postAuthSecondFactor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factor/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a passkey is asked with, after the password
         * @description For somebody whose password was right: the options that their browser signs with the passkey.
         */
        post: operations["postAuthSecondFactorOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the own second factors
         * @description Passkeys and authenticator apps of the signed-in person, without secrets, and how many recovery codes are left.
         */
        get: operations["getAuthSecondFactors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/{id}/remove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a second factor away
         * @description With the password and a code, or what a passkey signed. An account without a password signs in again instead, at most 15 minutes before. The recovery codes go with the last factor.
         */
        post: operations["postAuthSecondFactorsIdRemove"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/challenge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What the own passkey is asked with, when signed in
         * @description For an action that asks for a second factor again, such as taking one away.
         */
        post: operations["postAuthSecondFactorsChallenge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give the second factor in this sign-in
         * @description Where a workspace asks for one (SECOND_FACTOR_MISSING) and the sign-in was made without.
         */
        post: operations["postAuthSecondFactorsConfirm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/passkey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin to set up a passkey
         * @description Answers the options for `navigator.credentials.create()` and a token that goes back with what the browser made.
         */
        post: operations["postAuthSecondFactorsPasskey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/passkey/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep the passkey that the browser has made
         * @description From then on a sign-in asks for it. With the first factor of an account, recovery codes come along: they are shown once.
         */
        post: operations["postAuthSecondFactorsPasskeyConfirm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/recovery-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make new recovery codes
         * @description Ten, in place of those of before; each signs in once. Shown once.
         */
        post: operations["postAuthSecondFactorsRecoveryCodes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin to set up an authenticator app
         * @description It counts when `POST /auth/second-factors/totp/confirm` was given a code of it. A code is good for 30 seconds and one step before and after.
         */
        post: operations["postAuthSecondFactorsTotp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/second-factors/totp/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Confirm an authenticator app by its first code
         * @description From then on a sign-in asks for it. With the first factor of an account, recovery codes come along: they are shown once.
         */
        post: operations["postAuthSecondFactorsTotpConfirm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sign-ins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Where one is signed in
         * @description At most 100, whichever was used last comes first. A token of a release before is in none of them.
         */
        get: operations["getAuthSignIns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sign-ins/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End one sign-in
         * @description With all its tokens, at once; its event streams end within five seconds.
         */
        delete: operations["deleteAuthSignInsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the token of this request
         * @description And the other tokens of the same sign-in.
         */
        post: operations["postAuthSignOut"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sign-out-everywhere": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End all own tokens
         * @description And all signed links; the answer holds a new token. `revokeApiKeys: true` ends all API keys, too.
         */
        post: operations["postAuthSignOutEverywhere"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/switch-workspace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Go to another workspace
         * @description The token in the answer works in that one; the old token goes on working where it was. Where `workspace.requireSecondFactor` is true and this sign-in has given none, `POST /auth/second-factors/confirm` comes first.
         */
        post: operations["postAuthSwitchWorkspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Confirm the e-mail of a registration
         * @description With the `token` of the link in the mail and the password of the registration. It works once and for a day, and signs in.
         */
        post: operations["postAuthVerifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow the events of all sessions (Server-Sent Events)
         * @description Each event has the name and the JSON that webhooks get, each session in the order of its `seq`. `Last-Event-ID` (or `?lastEventId=`) goes on exactly where the stream broke off, for a day or 10,000 events; after that a `reset` event comes first: read the state again. With more than 200 sessions busy within a minute an event may come twice, with the same `sessionId` and `seq`. A comment keeps the connection alive every 15 s.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Database, storage and engine
         * @description For a monitor. `degraded` is answered with 200: the service works, with less than it should have. Without its database it answers 503.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The process answers
         * @description For the liveness probe of an orchestrator. It touches neither the database nor WhatsApp.
         */
        get: operations["getHealthLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Requests can be served
         * @description 503 until the service has started, while it stops, while the database is away or takes no writes, and while the credentials of no session can be read; `details.reason` says which.
         */
        get: operations["getHealthReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Upload a file for later sends and campaigns
         * @description A form with the file in `file`, or JSON with an https or `data:` URL. Any type, at most MAX_MEDIA_SIZE (50 MB).
         *
         *     An API key needs the scope `media:write`.
         */
        post: operations["postMedia"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The bytes of a file
         * @description As it was received or uploaded. Links in answers and webhooks carry a signature that opens this for a day without a credential.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getMediaId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/{messageId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One message: status, the time of every step, attempts, error, and what it waits for
         * @description Use it to follow a message that was answered with 202. The content of a login code is always null.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getMessageMessageId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/{messageId}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a message that has not begun to be sent
         * @description Answers 409 when it is being sent or has ended: what has left cannot be called back.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageMessageIdCancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/{messageId}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mark an inbound message as read
         * @description Its sender sees that when the privacy settings of the session's phone allow it.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageMessageIdRead"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/{messageId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Queue a message that failed, expired or was canceled again, under the same id
         * @description An answer that an Idempotency-Key brings back has no link to the file of the message.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageMessageIdRetry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/{messageId}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One message as a line of time
         * @description The API calls about it, its own steps and what webhooks were told, with milliseconds. Calls and deliveries are shown as long as they are kept.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getMessageMessageIdTimeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/check-number": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask WhatsApp whether a number is on it
         * @description The answer is remembered: a week for a number that exists, an hour for one that does not.
         *
         *     An API key needs the scope `read`.
         */
        post: operations["postMessageCheckNumber"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/clear-queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel everything that has not begun to be sent
         * @description What is being sent at this moment still goes. The others end as `canceled`, and webhooks are told of each.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageClearQueue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the history, in and out, newest first
         * @description Filters may be combined. To read on, give `nextCursor` as `cursor`: pages do not shift while messages come in.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getMessageList"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/pause-queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hold a session's queue
         * @description Nothing that waits is sent, whatever its priority: login codes too. It is kept over a restart. What WhatsApp has been given already goes on; new messages are taken and wait.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessagePauseQueue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/queue-status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What waits, and why
         * @description How many messages of the session wait, since when, and everything that holds the next one, each with its end.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getMessageQueueStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/resume-queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a session's queue go on
         * @description Lifts the pause of `/message/pause-queue`. Limits, quiet hours and the breaker hold on.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageResumeQueue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-audio": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a sound or a voice note
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     Media is an https URL, a `data:` URL, the id of an upload, or a form with the file. Its type is read from its bytes.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendAudio"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-buttons": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a text with buttons
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendButtons"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-contact": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a contact card
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendContact"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-document": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a document
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     Media is an https URL, a `data:` URL, the id of an upload, or a form with the file. Its type is read from its bytes.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendDocument"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-image": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send an image
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     Media is an https URL, a `data:` URL, the id of an upload, or a form with the file. Its type is read from its bytes.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendImage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a list to choose from
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendList"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-location": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a location
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendLocation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-poll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a poll
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendPoll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-reaction": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * React to a message
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendReaction"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-sticker": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a sticker (WebP)
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     Media is an https URL, a `data:` URL, the id of an upload, or a form with the file. Its type is read from its bytes.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendSticker"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-text": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a text
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendText"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/message/send-video": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a video
         * @description Answers 202 as soon as the message is durable. With `Prefer: wait=N` (at most 60 s) it waits: 200 when WhatsApp's server has acknowledged it, an error with the reason, or 202 when the time runs out.
         *
         *     Media is an https URL, a `data:` URL, the id of an upload, or a form with the file. Its type is read from its bytes.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postMessageSendVideo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics in the text format of Prometheus
         * @description Needs `Authorization: Bearer <METRICS_TOKEN>`, or the credential of an admin (JWT or API key).
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/expire": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the open code of a number
         * @description For a sign-in that was given up. The code is no longer accepted, and a message that waits is canceled.
         *
         *     An API key needs the scope `otp`.
         */
        post: operations["postOtpExpire"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/generate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A random code that is stored nowhere
         * @description For clients that keep and check codes themselves.
         *
         *     An API key needs the scope `otp`.
         */
        get: operations["getOtpGenerate"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send the open code once more
         * @description The same code with the same expiry; attempts are not reset. Cool-down 30, 60, then 120 seconds.
         *
         *     An API key needs the scope `otp`.
         */
        post: operations["postOtpResend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/send": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a one-time password
         * @description A code that is still open for this number is canceled. The code itself is in no answer.
         *
         *     An API key needs the scope `otp`.
         */
        post: operations["postOtpSend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Countries that codes may go to
         * @description Those of this workspace, or null when it has set none, and those that the service allows.
         *
         *     An API key needs the scope `otp`.
         */
        get: operations["getOtpSettings"];
        /**
         * Choose the countries that codes may go to
         * @description Never more than the service allows (OTP_ALLOWED_COUNTRIES). Not with a key of one session, nor without the scope `*`.
         *
         *     An API key needs the scope `otp`.
         */
        put: operations["putOtpSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/status/{phone}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of the newest code of a number (or of one otpId)
         * @description Whether it is on its way, can be entered, or has ended and why. The code itself is never shown.
         *
         *     An API key needs the scope `otp`.
         */
        get: operations["getOtpStatusPhone"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Own OTP templates
         * @description Texts of login codes that this workspace has saved, by name.
         *
         *     An API key needs the scope `otp`.
         */
        get: operations["getOtpTemplates"];
        put?: never;
        /**
         * Save an OTP template
         * @description Its text must hold `{otp}`. Name it as `template` when you send a code.
         *
         *     An API key needs the scope `otp`.
         */
        post: operations["postOtpTemplates"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/templates/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One OTP template
         * @description Its name and its text.
         *
         *     An API key needs the scope `otp`.
         */
        get: operations["getOtpTemplatesId"];
        /**
         * Change an OTP template
         * @description Fields that are left out stay. Codes that were sent already keep the text that they had.
         *
         *     An API key needs the scope `otp`.
         */
        put: operations["putOtpTemplatesId"];
        post?: never;
        /**
         * Delete an OTP template
         * @description Codes that are on their way keep its text.
         *
         *     An API key needs the scope `otp`.
         */
        delete: operations["deleteOtpTemplatesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/otp/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Check a code
         * @description `success: true` means one thing only: the code is right. A code is right once.
         *
         *     An API key needs the scope `otp`.
         */
        post: operations["postOtpVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/plan/{planId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change a plan
         * @description For all workspaces that have it, within a second. `limits` replaces all of them.
         *
         *     Needs the role `admin`.
         */
        put: operations["putPlanPlanId"];
        post?: never;
        /**
         * Delete a plan that no workspace has
         * @description Answers 409 while a workspace has it: give those another plan first.
         *
         *     Needs the role `admin`.
         */
        delete: operations["deletePlanPlanId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/plan/create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a plan
         * @description Limits under a name. What a plan does not limit is as the service has it.
         *
         *     Needs the role `admin`.
         */
        post: operations["postPlanCreate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/plan/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the plans
         * @description Their limits, and how many workspaces have each of them.
         *
         *     Needs the role `admin`.
         */
        get: operations["getPlanList"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pool/{poolId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One sender pool
         * @description Its name and its sessions in their order.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getPoolPoolId"];
        /**
         * Change a sender pool
         * @description Fields that are left out stay. It counts for what is sent from now on; what waits keeps its session.
         *
         *     An API key needs the scope `sessions:write`.
         */
        put: operations["putPoolPoolId"];
        post?: never;
        /**
         * Delete a sender pool
         * @description Its sessions stay.
         *
         *     An API key needs the scope `sessions:write`.
         */
        delete: operations["deletePoolPoolId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pool/create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a sender pool
         * @description Sends and codes may name it as `pool` instead of a session: people stay with the number that they know, others go to a number that is ready and where least waits. Every limit of every session holds.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postPoolCreate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/pool/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List sender pools
         * @description Every pool with its sessions in their order. A message names one as `pool` instead of a session.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getPoolList"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List API calls
         * @description The newest first: method, path, status, milliseconds, key. Forms of the dashboard, health checks and calls without a credential are not in it. Calls are written some moments later: a process that is killed loses those of its last two seconds.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/requests/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read one API call with its bodies
         * @description With headers and bodies as far as they are kept. Secrets, codes and contents of messages are hidden in them.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getRequestsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/requests/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the log of API calls keeps
         * @description Whether bodies of requests and answers are kept, and for how many days.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getRequestsSettings"];
        /**
         * Choose what the log of API calls keeps
         * @description Bodies are kept until somebody chooses otherwise, without secrets, codes and contents of messages.
         */
        put: operations["putRequestsSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change label, proxy and browser
         * @description What is missing stays, `null` takes it away. With another proxy the session connects again at once; a session with a proxy never goes out without it. Another browser shows on the phone when it is linked the next time.
         *
         *     An API key needs the scope `sessions:write`.
         */
        put: operations["putSessionSessionId"];
        post?: never;
        /**
         * Unlink the phone and forget the session
         * @description What is queued is canceled; the history of messages stays.
         *
         *     An API key needs the scope `sessions:write`.
         */
        delete: operations["deleteSessionSessionId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Campaigns of a session, newest first
         * @description With their state and counts. To read on, give the cursor of the answer back.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastCampaigns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One campaign with its statistics, exact at this moment
         * @description Counts of its recipients by outcome, what holds it, and when it will end at its present pace.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastCampaignsId"];
        /**
         * Change a campaign that is paused or has not begun
         * @description Whoever has not been written to gets the new text. The time can be changed until it begins.
         *
         *     An API key needs the scope `broadcast`.
         */
        put: operations["putSessionSessionIdBroadcastCampaignsId"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/clone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make another campaign of the same content, recipients and settings
         * @description Paused, to be changed and resumed; with `scheduledAt` it begins at that time.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastCampaignsIdClone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a campaign
         * @description After the answer nothing is sent any more but what was on the wire already.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastCampaignsIdPause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/recipients": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of each recipient, in the order of sending
         * @description Filter by `status` to find those that failed, with the reason of each.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastCampaignsIdRecipients"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Funnel, failures by reason, and what happened when
         * @description For charts of one campaign: how many messages were sent, delivered and read, and how they went over time.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastCampaignsIdReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume a paused campaign, or begin a clone
         * @description It goes on with the next recipient; no recipient gets it twice.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastCampaignsIdResume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/retry-failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send what failed once more
         * @description Under the same message ids: whoever has it already sees it once.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastCampaignsIdRetryFailed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/campaigns/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a campaign for good
         * @description After the answer nothing is sent any more but what was on the wire already.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastCampaignsIdStop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/estimate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a campaign would be, without making it
         * @description Whom it reaches, how fast, and when it would be over, by the pace and the limits of the session.
         *
         *     An API key needs the scope `read`.
         */
        post: operations["postSessionSessionIdBroadcastEstimate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/export/campaign/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The report of a campaign as a file
         * @description `csv`: every recipient. `json`: the report. `html`: the report as a page with charts, to be printed.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastExportCampaignId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/export/contacts/{listId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The contacts of a list as CSV
         * @description In the columns that an import reads. Values that a spreadsheet would run get an apostrophe in front.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastExportContactsListId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/imports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How far an import is
         * @description Lines read, taken, repaired and refused so far, and its state. It goes on after a restart.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastImportsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/imports/{id}/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every line that was refused, left out or repaired, as CSV
         * @description With the line number of the file and the reason, so that it can be mended and imported again.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastImportsIdErrors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/imports/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How far an import is, as Server-Sent Events
         * @description `progress` about once a second, then `completed` or `failed`.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastImportsIdEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/lists": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Broadcast lists, newest first
         * @description Lists belong to the user: every session reaches the same ones.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastLists"];
        put?: never;
        /**
         * Make a broadcast list
         * @description An empty list with a name; contacts are added or imported next.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastLists"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/lists/{listId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One broadcast list
         * @description Its name, how many contacts it has, and the custom fields that they use.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastListsListId"];
        /**
         * Change a broadcast list
         * @description Its name and its description. Fields that are left out stay.
         *
         *     An API key needs the scope `broadcast`.
         */
        put: operations["putSessionSessionIdBroadcastListsListId"];
        post?: never;
        /**
         * Delete a broadcast list with its contacts
         * @description Campaigns that have taken their recipients keep them. Those that are scheduled for the list, or paused before they took any, end as `failed` with the reason `list_deleted`.
         *
         *     An API key needs the scope `broadcast`.
         */
        delete: operations["deleteSessionSessionIdBroadcastListsListId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/lists/{listId}/contacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Contacts of a list, in the order of their numbers
         * @description `search` finds parts of names and numbers. `cursor` (the `nextCursor` of the page before) is faster than `page` far into a long list.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastListsListIdContacts"];
        put?: never;
        /**
         * Add a contact, or up to 1,000
         * @description A number that is on the list already gets the values that are given and keeps the others. Keys other than `name` and `number` are custom fields.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastListsListIdContacts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/lists/{listId}/contacts/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One contact
         * @description By its number in any usual spelling, with its custom fields.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastListsListIdContactsNumber"];
        /**
         * Change a contact
         * @description Changes what is given; a custom field that is null goes.
         *
         *     An API key needs the scope `broadcast`.
         */
        put: operations["putSessionSessionIdBroadcastListsListIdContactsNumber"];
        post?: never;
        /**
         * Take a contact off a list
         * @description Campaigns that have begun keep the recipients that they have.
         *
         *     An API key needs the scope `broadcast`.
         */
        delete: operations["deleteSessionSessionIdBroadcastListsListIdContactsNumber"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/lists/{listId}/contacts/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import contacts from a CSV, Excel (.xlsx) or vCard file
         * @description The first line names the columns: one of number, phone, nomor, hp, whatsapp …; name or nama; every other one is a custom field. Exports of Google Contacts, Outlook, phones (vCard) and of groups are known; `mapping` says it for any other. Delimiter (, ; tab |) and encoding are found out, and a guess is reported in `warnings`. A line that cannot be read is reported and stops nothing; a file that is none of these changes nothing. Whoever is on the list already gets the values of the file. With `Prefer: respond-async` the answer is 202.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastListsListIdContactsBulk"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/opt-outs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Numbers that want no broadcasts, newest first
         * @description Whoever answers STOP, BERHENTI, UNSUBSCRIBE or a word of your own is added. Broadcasts leave them out; one-time passwords and single messages do not.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastOptOuts"];
        put?: never;
        /**
         * Add numbers that want no broadcasts
         * @description Up to 1,000 at once. Who is there already stays with their note and time.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastOptOuts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/opt-outs/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether a number has opted out
         * @description Answers 404 when it has not. Numbers are compared in every spelling.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastOptOutsNumber"];
        /**
         * Change the note of an opt-out
         * @description A note is for you alone, for example where somebody asked for it.
         *
         *     An API key needs the scope `broadcast`.
         */
        put: operations["putSessionSessionIdBroadcastOptOutsNumber"];
        post?: never;
        /**
         * Let a number get broadcasts again
         * @description Only when that person has asked for it. The next campaign reaches them again.
         *
         *     An API key needs the scope `broadcast`.
         */
        delete: operations["deleteSessionSessionIdBroadcastOptOutsNumber"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/opt-outs/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All opt-outs as CSV
         * @description The whole ledger, with when and how each number opted out.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastOptOutsExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/opt-outs/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import opt-outs from a CSV file
         * @description As contacts are imported: a column of numbers, and if there is one, a note. Numbers that are there already count as duplicates.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastOptOutsImport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/opt-outs/words": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The words that opt out
         * @description The built-in ones and your own. Whoever answers with one of them gets no broadcasts any more.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastOptOutsWords"];
        /**
         * Choose own words that opt out
         * @description They count when they are the whole message, in any case. The built-in ones stay in force.
         *
         *     An API key needs the scope `broadcast`.
         */
        put: operations["putSessionSessionIdBroadcastOptOutsWords"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/schedule": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Schedule a campaign, once or again and again
         * @description `scheduledAt` without an offset is a time in `timezone`. With `cron` every run is a campaign of its own; stop the scheduled one to end it.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/send": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start a campaign now
         * @description To a list or to up to 10,000 `numbers`. Answers as soon as the campaign is durable; everybody gets at most one message, whatever happens. Numbers are looked up at WhatsApp first, who has opted out is left out, and the campaign pauses itself when too many messages fail.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastSend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists, opt-outs and campaigns at a glance
         * @description Counts for an overview of broadcasts in this workspace.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Broadcast templates, by name
         * @description With their texts and the placeholders that these use.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastTemplates"];
        put?: never;
        /**
         * Save a broadcast template
         * @description Its placeholders such as `{name}` are filled in for each recipient. A broken one is refused here.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastTemplates"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/templates/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One broadcast template
         * @description Its text and the placeholders that it uses.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastTemplatesId"];
        /**
         * Change a broadcast template
         * @description Campaigns that were made from it keep their text.
         *
         *     An API key needs the scope `broadcast`.
         */
        put: operations["putSessionSessionIdBroadcastTemplatesId"];
        post?: never;
        /**
         * Delete a broadcast template
         * @description Campaigns that were made from it keep their text.
         *
         *     An API key needs the scope `broadcast`.
         */
        delete: operations["deleteSessionSessionIdBroadcastTemplatesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/templates/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * How a text looks for real contacts
         * @description `missing` names placeholders that a contact has no value for: they are left empty.
         *
         *     An API key needs the scope `read`.
         */
        post: operations["postSessionSessionIdBroadcastTemplatesPreview"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/upload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Files that can be sent, newest first
         * @description Also those that came by POST /media.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdBroadcastUpload"];
        put?: never;
        /**
         * Upload a file for broadcasts
         * @description jpg, jpeg, png, gif, pdf, doc, docx (told by the bytes), at most MAX_FILE_SIZE (10 MB), scanned when a scanner is configured. At most 5 a minute.
         *
         *     An API key needs the scope `broadcast`.
         */
        post: operations["postSessionSessionIdBroadcastUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/broadcast/upload/{filename}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete an uploaded file
         * @description Messages that carry it and have not been sent yet fail.
         *
         *     An API key needs the scope `broadcast`.
         */
        delete: operations["deleteSessionSessionIdBroadcastUploadFilename"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Take a link to another program
         * @description For a signed-in person. A zip of the folder that Baileys’ `useMultiFileAuthState` reads: whoever has it can write in the name of this number. The session **stops here** (`replaced`, reason `exported`), and the export is recorded.
         */
        get: operations["getSessionSessionIdExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The groups that a session is in
         * @description Asks WhatsApp, so the session must be connected. `id` is what a message takes as `to`.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdGroups"];
        put?: never;
        /**
         * Make a group
         * @description The answer says of each person how it went. People who do not know the session count as its first contacts: all of them must fit into that limit, or nothing is done (429).
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroups"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A group with its members
         * @description Asks WhatsApp, so the session must be connected and a member of the group.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdGroupsGroup"];
        /**
         * Change a group
         * @description What is missing stays. Several changes are made one after another; when one fails, `details.field` names it, and those before it are made: subject, description, announce, locked, ephemeral, joinApproval, membersAdd.
         *
         *     An API key needs the scope `messages:write`.
         */
        put: operations["putSessionSessionIdGroupsGroup"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/invite": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The invite link of a group
         * @description For admins of the group.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdGroupsGroupInvite"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/invite/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a new invite link
         * @description The old one ends at once.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupInviteRevoke"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Leave a group
         * @description Messages to the group fail from then on. The history stays.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupLeave"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add people to a group
         * @description People who do not know the session count as its first contacts: all of them must fit into that limit, or nothing is done (429). Whoever cannot be added is told in `status`.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupMembers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/members/demote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make admins members
         * @description For admins of the group. They stay in it as members.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupMembersDemote"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/members/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make members admins
         * @description For admins of the group. `status` tells of each of them whether WhatsApp has done it.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupMembersPromote"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/members/remove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Remove people from a group
         * @description For admins of the group. `status` tells of each of them whether WhatsApp has done it.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupMembersRemove"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/picture": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Set the picture of a group
         * @description A JPEG of at most 512 KB; WhatsApp shows 640 × 640 pixels. By https URL, `data:` URL, upload or form.
         *
         *     An API key needs the scope `messages:write`.
         */
        put: operations["putSessionSessionIdGroupsGroupPicture"];
        post?: never;
        /**
         * Take the picture of a group away
         * @description For admins of the group. Phones show the usual sign of a group then.
         *
         *     An API key needs the scope `messages:write`.
         */
        delete: operations["deleteSessionSessionIdGroupsGroupPicture"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who asks to be let into a group
         * @description For admins of the group.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdGroupsGroupRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/requests/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let people into a group
         * @description For admins of the group: decides about people who asked to be let in.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupRequestsApprove"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/{group}/requests/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Do not let people into a group
         * @description For admins of the group: decides about people who asked to be let in.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsGroupRequestsReject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/groups/join": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Join a group by its invite link
         * @description Where the group wants it, an admin has to agree first: `data.group` is null until then.
         *
         *     An API key needs the scope `messages:write`.
         */
        post: operations["postSessionSessionIdGroupsJoin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Pace, limits, quiet hours, warm-up and breaker of a session
         * @description Each setting with the value that counts, and how much of each limit has been used.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionSessionIdLimits"];
        /**
         * Change a session's own pace, quiet hours and warm-up
         * @description Within the service's limits, never above them. `null` goes back to the service's own.
         *
         *     An API key needs the scope `sessions:write`.
         */
        put: operations["putSessionSessionIdLimits"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/{sessionId}/proxy/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a proxy
         * @description Opens a WebSocket to WhatsApp through the session’s proxy, or through `proxy` before it is saved. The answer is 200 also when it does not work: `ok` and `reason` say.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionSessionIdProxyTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/check-phone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Whether a phone has an active session of yours
         * @description Answers true when a session of yours is linked to this number. It asks nobody but the database.
         *
         *     An API key needs the scope `read`.
         */
        post: operations["postSessionCheckPhone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/cleanup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Remove sessions that are of no use
         * @description Never paired, or logged out, at least `hours` ago. Whatever can still reconnect stays.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionCleanup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a session and link a phone
         * @description Waits up to 10 s for the first QR or pairing code. A session of that name whose phone is gone (logged out, never paired) begins again; any other answers SESSION_EXISTS, and `/session/restart` connects it.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionCreate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Live events of a session
         * @description Server-Sent Events `qr`, `status`, `message` and `receipt`; ids are given back as `Last-Event-ID`.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take over a link that another program made
         * @description A zip or tar of the folder that Baileys’ `useMultiFileAuthState` writes, or the same as JSON: no phone has to scan anything. It is verified before anything is stored, then connected. **Stop the old program first**: one link has one connection. See docs/migration.md.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionImport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List sessions
         * @description All of them, oldest first, unless `limit` asks for pages.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionList"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Unlink the phone
         * @description Erases the credentials; the session stays and may be linked again.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionLogout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/passkey/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What WhatsApp wants signed
         * @description Some accounts are asked for a passkey after the code was scanned (status `passkey`). Only the browser of the account’s owner can sign, on web.whatsapp.com: see docs/linking.md.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionPasskeySessionId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/passkey/{sessionId}/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say whether the phone shows the same code
         * @description The last step when WhatsApp shows a code: the person compares it with the one on the phone.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionPasskeySessionIdConfirm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/passkey/{sessionId}/response": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hand in what the browser signed
         * @description Takes what `navigator.credentials.get()` gave for the options of the request. It has to come before the request expires.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionPasskeySessionIdResponse"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/qr-image/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The QR code as an image
         * @description The newest code as PNG. It is valid for some seconds: ask again until the session is connected.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionQrImageSessionId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/qr-page/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A page that shows the QR code
         * @description Renews itself and says when the session is connected. In the language of the browser, or of `?lang=en` and `?lang=id`.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionQrPageSessionId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/qr/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The QR code as JSON
         * @description Begins the pairing again when it has expired.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionQrSessionId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Connect again
         * @description With the same credentials; begins a new pairing when there are none.
         *
         *     An API key needs the scope `sessions:write`.
         */
        post: operations["postSessionRestart"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/session/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How a session is
         * @description The state of one session and why it is in it, its number, its connection and what WhatsApp restricts.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getSessionStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What you have of what you may have
         * @description Sessions, members, stored files and bytes, uploads and imports under way, keys, webhooks, lists, contacts, templates, messages of this day and month (UTC), codes of this hour, requests a minute. What is over is refused with QUOTA_EXCEEDED. With `month` also what was sent in that month, in UTC: by day, session, type of message, engine and category. With `format=csv` or `Accept: text/csv` that alone, as a file. Not for a key that is bound to one session.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change a user
         * @description A new password, or `status: disabled`, ends the tokens and signed links of that user at once; `revokeApiKeys: true` ends its API keys.
         *
         *     Needs the role `admin`.
         */
        put: operations["putUserId"];
        post?: never;
        /**
         * Disable a user
         * @description At once: tokens and keys stop, sessions stop; the e-mail stays taken.
         *
         *     Needs the role `admin`.
         */
        delete: operations["deleteUserId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/{id}/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened to a user's account
         * @description Sign-ins, changes of the account and what administrators did to it, newest first.
         *
         *     Needs the role `admin`.
         */
        get: operations["getUserIdAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/{id}/reset-link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a link for a new password of a user
         * @description It works once, for a day; hand it over. One that was made before is over.
         *
         *     Needs the role `admin`.
         */
        post: operations["postUserIdResetLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/{id}/second-factors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Take away a user's second factors
         * @description For somebody who has lost them. Who it was is kept in the audit; the user is told by mail where there is an SMTP server.
         *
         *     Needs the role `admin`.
         */
        delete: operations["deleteUserIdSecondFactors"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a user
         * @description With a workspace of the same number; or, with `workspace`, as a member of that one: `workspaceRole` says as what (`operator`, for a `readonly` user `viewer`).
         *
         *     Needs the role `admin`.
         */
        post: operations["postUserCreate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/domains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the domains of all workspaces
         * @description Of every workspace, verified or not, with the role that new members get.
         *
         *     Needs the role `admin`.
         */
        get: operations["getUserDomains"];
        put?: never;
        /**
         * Give a workspace a domain without a record
         * @description For operators who know to whom a domain belongs: it counts as verified at once.
         *
         *     Needs the role `admin`.
         */
        post: operations["postUserDomains"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/domains/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Take a domain away from its workspace
         * @description Nobody joins by it any more. Who has joined stays.
         *
         *     Needs the role `admin`.
         */
        delete: operations["deleteUserDomainsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List users
         * @description All people of the service, with their role. `search` looks in names and e-mail addresses.
         *
         *     Needs the role `admin`.
         */
        get: operations["getUserList"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List webhooks
         * @description With the health of each: how its last attempts went and how many events wait. Secrets are never shown.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWebhook"];
        put?: never;
        /**
         * Create a webhook
         * @description The secret is shown once. An answer that an Idempotency-Key brings back does not hold it.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a webhook
         * @description Its settings and its health. The secret is shown only when it is made or rotated.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWebhookId"];
        /**
         * Change a webhook
         * @description Events that wait for a retry are tried again at once. With a URL of another origin the values of own headers have to be given again: `droppedHeaders` names those that went.
         *
         *     An API key needs the scope `webhooks`.
         */
        put: operations["putWebhookId"];
        post?: never;
        /**
         * Delete a webhook
         * @description What it was not told yet is dropped.
         *
         *     An API key needs the scope `webhooks`.
         */
        delete: operations["deleteWebhookId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what a webhook was told
         * @description Events for this webhook with their state, newest first. An event that waits behind another one names it.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWebhookIdDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}/replay-failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver all failed events again
         * @description Those since a time, in the background, some at a time, in the order of their sessions. One at a time for each webhook.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookIdReplayFailed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}/replays": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the replays of a webhook
         * @description The newest 20, newest first.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWebhookIdReplays"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try everything that waits now
         * @description Events that wait for their next attempt are tried within a second, also where the receiver is thought to be down. `sessions` says in how many sessions something waited.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookIdRetry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a webhook a new secret
         * @description Both secrets sign during `graceMinutes`. The new one is shown once.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookIdRotateSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test event now
         * @description Sends a signed `webhook.test` event, or an example of another one with `test: true` in its data, and answers with what happened.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookIdTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read one delivery with its attempts
         * @description The newest attempts with their headers, bodies, status and milliseconds. Secrets, codes and your own header values are hidden.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWebhookDeliveriesId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/deliveries/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver an event again
         * @description Under the same `webhook-id`, apart from the order of its session.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookDeliveriesIdReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/deliveries/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a waiting event now
         * @description Within a second. Events of its session that come before it go first.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookDeliveriesIdRetry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhook/replays/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a replay
         * @description Events that went back already are delivered all the same.
         *
         *     An API key needs the scope `webhooks`.
         */
        post: operations["postWebhookReplaysIdStop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The workspace of the credential
         * @description With the role of the caller in it, and the other workspaces of the person.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWorkspace"];
        /**
         * Rename the workspace
         * @description Members see the name in the dashboard and in invitations. Nothing else changes.
         */
        put: operations["putWorkspace"];
        /**
         * Make a further workspace
         * @description Its maker owns it. For administrators of the service, and for everybody where registration is open; at most 20 for one person.
         */
        post: operations["postWorkspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/{workspaceId}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Give a workspace a plan, or limits of its own
         * @description Own limits come before those of the plan. It counts from the next request on.
         *
         *     Needs the role `admin`.
         */
        put: operations["putWorkspaceWorkspaceIdPlan"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/{workspaceId}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a suspended workspace go on
         * @description Messages that waited are sent again, at the usual pace.
         *
         *     Needs the role `admin`.
         */
        post: operations["postWorkspaceWorkspaceIdResume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/{workspaceId}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Suspend a workspace
         * @description Nothing is sent and its API answers 403 WORKSPACE_SUSPENDED. Nothing is lost: sessions stay linked, what comes in is stored, what waits goes on after it is resumed, or expires in its time.
         *
         *     Needs the role `admin`.
         */
        post: operations["postWorkspaceWorkspaceIdSuspend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who did what
         * @description Members, keys, settings, sessions, campaigns and webhooks, newest first, with who, what, when and from where. Kept for RETENTION_AUDIT_DAYS.
         */
        get: operations["getWorkspaceAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The audit as CSV
         * @description With the filters of the list, newest first. A cell that a spreadsheet would read as a formula is made a text.
         */
        get: operations["getWorkspaceAuditExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/domains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the domains of the workspace
         * @description Whoever signs in with an e-mail address of a verified domain joins this workspace. Each entry says which record proves it.
         */
        get: operations["getWorkspaceDomains"];
        put?: never;
        /**
         * Add a domain
         * @description Whoever signs in with an OpenID provider that confirms an address of the domain becomes a member with `role`, once the domain is proven: set the TXT record `record`, then `POST /workspace/domains/:id/verify`.
         */
        post: operations["postWorkspaceDomains"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/domains/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change what people of a domain become
         * @description Members stay what they are.
         */
        put: operations["putWorkspaceDomainsId"];
        post?: never;
        /**
         * Take a domain away
         * @description Members stay.
         */
        delete: operations["deleteWorkspaceDomainsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/domains/{id}/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Look the TXT record of a domain up
         * @description At most 60 times an hour. Another workspace that has proven the domain keeps it.
         */
        post: operations["postWorkspaceDomainsIdVerify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the open invitations
         * @description Those that were neither accepted nor ended, with their role and when they expire.
         */
        get: operations["getWorkspaceInvitations"];
        put?: never;
        /**
         * Invite somebody into the workspace
         * @description For seven days; the link works once. Where the service sends mails (SMTP_HOST) the link goes to that address alone, three times a day: without `mailed` invite again tomorrow. Otherwise hand over `url`. Another invitation of the same address ends the one before. Only owners invite owners.
         */
        post: operations["postWorkspaceInvitations"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/invitations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End an invitation
         * @description Its link stops working at once.
         */
        delete: operations["deleteWorkspaceInvitationsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Leave the workspace
         * @description The token of this request is over with it. The last owner stays, and so does an administrator of the service without another workspace.
         */
        post: operations["postWorkspaceLeave"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All workspaces, with what they have used
         * @description With their plans and their messages of a month in UTC. As CSV with `format=csv` or `Accept: text/csv`.
         *
         *     Needs the role `admin`.
         */
        get: operations["getWorkspaceList"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the members of the workspace
         * @description Everybody who may sign in to this workspace, with their role and the sessions that they are bound to.
         *
         *     An API key needs the scope `read`.
         */
        get: operations["getWorkspaceMembers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/members/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change what a member may do
         * @description From the next request of that member on. Only owners make and unmake owners; the last one stays.
         */
        put: operations["putWorkspaceMembersUserId"];
        post?: never;
        /**
         * Remove a member
         * @description The next request of that member is refused, event streams end within five seconds, and all signed links of the workspace are over. The last owner stays, and so does an administrator of the service without another workspace.
         */
        delete: operations["deleteWorkspaceMembersUserId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/members/{userId}/reset-link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a link for a new password of a member
         * @description For a member who belongs to this workspace only and does not administer the service. It works once, for a day; hand it over.
         */
        post: operations["postWorkspaceMembersUserIdResetLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/security": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Ask all members for a second factor
         * @description From the next request on a member who has not given one can only set one up or give it (SECOND_FACTOR_MISSING). API keys are not concerned. Whoever turns it on has given one.
         */
        put: operations["putWorkspaceSecurity"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workspace/transfer-ownership": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hand the workspace over
         * @description The other member becomes an owner, and the caller an admin.
         */
        post: operations["postWorkspaceTransferOwnership"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    "campaign.completed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** campaign.completed */
        post: operations["webhook_campaign_completed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "campaign.failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** campaign.failed */
        post: operations["webhook_campaign_failed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "campaign.paused": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** campaign.paused */
        post: operations["webhook_campaign_paused"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "group.members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** group.members */
        post: operations["webhook_group_members"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "group.requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** group.requests */
        post: operations["webhook_group_requests"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "group.updated": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** group.updated */
        post: operations["webhook_group_updated"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.canceled": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.canceled */
        post: operations["webhook_message_canceled"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.delivered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.delivered */
        post: operations["webhook_message_delivered"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.expired": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.expired */
        post: operations["webhook_message_expired"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.failed */
        post: operations["webhook_message_failed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.media */
        post: operations["webhook_message_media"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.read */
        post: operations["webhook_message_read"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.received": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.received */
        post: operations["webhook_message_received"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.sent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** message.sent */
        post: operations["webhook_message_sent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "otp.conversion_low": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** otp.conversion_low */
        post: operations["webhook_otp_conversion_low"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "otp.expired": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** otp.expired */
        post: operations["webhook_otp_expired"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "otp.failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** otp.failed */
        post: operations["webhook_otp_failed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "otp.verified": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** otp.verified */
        post: operations["webhook_otp_verified"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "session.restricted": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** session.restricted */
        post: operations["webhook_session_restricted"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "session.status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** session.status */
        post: operations["webhook_session_status"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "session.unrestricted": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** session.unrestricted */
        post: operations["webhook_session_unrestricted"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "usage.warning": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** usage.warning */
        post: operations["webhook_usage_warning"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        ActivityEntry: {
            /** @enum {string} */
            action: "session_create" | "session_delete" | "session_restart" | "qr_generate" | "qr_scan" | "connection_open" | "connection_close" | "message_send" | "message_attempt" | "message_receipt" | "message_receive" | "otp_send" | "otp_status" | "file_upload" | "api_call";
            actorId: number | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            details: {
                [key: string]: unknown;
            };
            /** @description milliseconds: of the request, or since the message was queued */
            duration: number | null;
            errorMessage: string | null;
            /** @description our own name of it */
            event: string;
            id: string;
            ipAddress: string | null;
            messageId: string | null;
            messageType: string | null;
            phoneNumber: string | null;
            /** @description harmless fields only */
            requestData: {
                [key: string]: unknown;
            } | null;
            requestId: string | null;
            responseData: {
                [key: string]: unknown;
            } | null;
            sessionId: string | null;
            /** @enum {string} */
            status: "success" | "error" | "pending";
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
            userAgent: string | null;
            userId: number;
        };
        AddedSecondFactor: {
            data: components["schemas"]["SecondFactor"];
            /** @description with the first factor; shown once */
            recoveryCodes: string[] | null;
            /** @description of the same sign-in, which has given the factor */
            token: string;
        };
        ApiKey: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            /** @description who made it */
            createdBy: {
                id: number;
                name: string;
                /** @description no member any more */
                removed: boolean;
            };
            expiresAt: string | null;
            id: string;
            lastUsedAt: string | null;
            name: string;
            /** @description what the key begins with */
            prefix: string;
            scopes: string[];
            sessionId: string | null;
        };
        ApiRequest: {
            /** Format: date-time */
            at: string;
            durationMs: number;
            errorCode: string | null;
            id: string;
            keyId: string | null;
            /** @description null without a key, and for one that is gone */
            keyName: string | null;
            /** @description the message that it was about, or made */
            messageId: string | null;
            method: string;
            /** @description as it was called, without its query */
            path: string;
            requestId: string;
            /** @description the pattern of the route */
            route: string;
            sessionId: string | null;
            status: number;
            /** @enum {string} */
            via: "jwt" | "api_key" | "cookie" | "signed_link" | "system" | "anonymous";
        };
        ApiRequestDetail: {
            /** Format: date-time */
            at: string;
            durationMs: number;
            errorCode: string | null;
            id: string;
            keyId: string | null;
            /** @description null without a key, and for one that is gone */
            keyName: string | null;
            /** @description the message that it was about, or made */
            messageId: string | null;
            method: string;
            /** @description as it was called, without its query */
            path: string;
            /** @description JSON, at most 8,192 characters; only harmless fields have values, the others are `[redacted]` */
            request: string | null;
            requestId: string;
            /** @description JSON, at most 8,192 characters; only harmless fields have values, the others are `[redacted]` */
            response: string | null;
            /** @description the pattern of the route */
            route: string;
            sessionId: string | null;
            status: number;
            /** @enum {string} */
            via: "jwt" | "api_key" | "cookie" | "signed_link" | "system" | "anonymous";
        };
        AuditedAction: {
            /** @description who did it, or who made the key that did */
            actor: {
                id: number;
                name: string;
            } | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            at: string;
            data: {
                [key: string]: unknown;
            };
            event: string;
            id: string;
            ip: string | null;
            requestId: string | null;
            sessionId: string | null;
            /** @enum {string} */
            status: "success" | "failure" | "pending";
            /** @description whom or what it happened to */
            subject: string | null;
            userAgent: string | null;
        };
        AuditEntry: {
            /** @description who did it; null for the service itself */
            actorId: number | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            at: string;
            data: {
                [key: string]: unknown;
            };
            event: string;
            id: string;
            ip: string | null;
            requestId: string | null;
            /** @enum {string} */
            status: "success" | "failure";
            subject: string | null;
            userAgent: string | null;
        };
        BroadcastContact: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            fields: {
                [key: string]: string;
            };
            name: string | null;
            /** @description E.164 digits */
            number: string;
            /** @description broadcasts leave it out */
            optedOut: boolean;
            phone: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
        };
        BroadcastList: {
            /** @description custom fields that its contacts have */
            columns: string[];
            contactCount: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            description: string | null;
            id: string;
            name: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
        };
        BroadcastStats: {
            campaigns: {
                completed: number;
                failed: number;
                paused: number;
                running: number;
                scheduled: number;
                stopped: number;
                total: number;
            };
            /** @description of all lists */
            contacts: number;
            lists: number;
            /** @description of the campaigns that were made in the last 30 days */
            messages: {
                /** @description campaigns of the period, the newest 200 at most */
                campaigns: number;
                delivered: number;
                deliveryPercent: number;
                failed: number;
                periodDays: number;
                read: number;
                readPercent: number;
                recipients: number;
                sent: number;
                skipped: number;
            };
            optOuts: number;
        };
        BroadcastTemplate: {
            body: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            id: string;
            name: string;
            placeholders: string[];
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
        };
        BroadcastUpload: {
            /** @description to send or delete it by */
            filename: string;
            height: number | null;
            /** @description as the bytes say */
            mimetype: string;
            originalName: string | null;
            /** @description whether a virus scanner has seen it */
            scanned: boolean;
            /** @description bytes */
            size: number;
            /** @description opens without a credential for a day */
            url: string;
            /** @description pixels, of pictures */
            width: number | null;
        };
        Campaign: {
            campaignId: string;
            campaignName: string;
            /** @description placeholders unfilled */
            content: unknown;
            /** Format: date-time */
            createdAt: string;
            cron: string | null;
            delayBetweenMessages: number;
            finishedAt: string | null;
            id: string;
            listId: string | null;
            name: string;
            nextRunAt: string | null;
            options: {
                [key: string]: unknown;
            };
            origin: string | null;
            /** @description the campaign it was made from */
            originId: string | null;
            pausedAt: string | null;
            /** @description the pool that they were taken from */
            poolId: string | null;
            /** @description why it is paused, stopped or failed */
            reason: string | null;
            reasonMessage: string | null;
            resumedAt: string | null;
            scheduledAt: string | null;
            /** @description the sessions that send it, each with its part; null: its own alone */
            senders: components["schemas"]["CampaignSender"][] | null;
            sessionId: string;
            startedAt: string | null;
            statistics: components["schemas"]["CampaignStatistics"];
            /** @enum {string} */
            status: "scheduled" | "running" | "paused" | "stopped" | "completed" | "failed";
            templateId: string | null;
            timezone: string | null;
            totalContacts: number;
            type: string;
            /** Format: date-time */
            updatedAt: string;
            /** @description what holds a running campaign at the moment */
            waitingFor: string | null;
            waitingUntil: string | null;
        };
        CampaignEstimate: {
            /** @description who is there more than once, also under another spelling; of a list among its first 10,000 */
            duplicates: number;
            /** @description null: more than a year */
            durationSeconds: number | null;
            finishesAt: string | null;
            invalid: number;
            /**
             * @description what makes it last as long as it does
             * @enum {string}
             */
            limitedBy: "pace" | "daily_cap" | "new_contacts";
            /** @description how many recipients `missing` and `duplicates` were counted among, 10,000 at most */
            lookedThrough: number;
            /** @description placeholders of `message` or the template that stay empty, with for how many */
            missing: {
                contacts: number;
                placeholder: string;
            }[];
            /** @description how many of them have never exchanged a message with the session, as a sample of 200 tells */
            neverContacted: number;
            /** @description days until all of those have been written to; null: nothing limits them, or over a year */
            newContactsDays: number | null;
            /** @description how many of those are written to on the first day */
            newContactsPerDay: number | null;
            /** @description null when there are too many opt-outs to compare */
            optedOut: number | null;
            /** @description the most of the first day; null: as many as the rate allows */
            perDay: number | null;
            /** @description the most of an hour */
            perHour: number;
            /** @description minutes of the recipients' day without sending */
            quietMinutes: number;
            /** @description as pace and limits allow until the share of an hour is spent */
            ratePerMinute: number;
            /** @description who would be written to: without opt-outs, doubles and what is no number */
            recipients: number;
            /** Format: date-time */
            startsAt: string;
            /** @description how many of them do not know the session, as a sample of 200 tells; null: nothing limits those */
            strangers: number | null;
        };
        CampaignRecipient: {
            deliveredAt: string | null;
            failedAt: string | null;
            messageId: string | null;
            name: string | null;
            number: string;
            queuedAt: string | null;
            readAt: string | null;
            reason: string | null;
            /** @description the reason in words */
            reasonMessage: string | null;
            sentAt: string | null;
            /** @description whose queue it went to */
            sessionId: string | null;
            /** @enum {string} */
            state: "pending" | "queued" | "sent" | "delivered" | "read" | "failed" | "skipped";
            /** @description the alternatives that were chosen */
            variant: string | null;
        };
        CampaignReport: {
            byHour: {
                delivered: number;
                failed: number;
                /** Format: date-time */
                hour: string;
                read: number;
                sent: number;
            }[];
            byVariant: {
                delivered: number;
                read: number;
                sent: number;
                variant: string;
            }[];
            campaign: components["schemas"]["Campaign"];
            failuresByReason: {
                count: number;
                /** @description the reason in words */
                message: string;
                reason: string;
            }[];
            funnel: {
                delivered: number;
                read: number;
                recipients: number;
                /** @description recipients who wrote back after their message was sent */
                replied: number;
                sent: number;
            };
            /** Format: date-time */
            generatedAt: string;
            skippedByReason: {
                count: number;
                /** @description the reason in words */
                message: string;
                reason: string;
            }[];
        };
        CampaignSender: {
            delivered: number;
            failed: number;
            /** @description in its queue or on their way */
            queued: number;
            read: number;
            sent: number;
            sessionId: string;
            /** @description null: the session was deleted */
            status: string | null;
        };
        CampaignStatistics: {
            /** @description arrived, the read ones too */
            delivered: number;
            estimatedFinishAt: string | null;
            etaSeconds: number | null;
            failed: number;
            /** @description not handed to the queue yet */
            pending: number;
            /** @description share that is through with it; of a stopped or failed campaign the share that was sent */
            progressPercent: number;
            /** @description in the queue or on their way */
            queued: number;
            /** @description as observed, or as the pace allows before anything was observed */
            ratePerMinute: number;
            read: number;
            /** @description acknowledged by WhatsApp's server, the delivered and read ones too */
            sent: number;
            /** @description opted out, not on WhatsApp, canceled, not reached before the stop, … */
            skipped: number;
            /** @description recipients; until it begins, as many as there would be now */
            total: number;
        };
        ContactImport: {
            added: number;
            /** @description those that became custom fields */
            columns: string[];
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            delimiter: string | null;
            duplicates: number;
            encoding: string | null;
            errorCode: string | null;
            errorMessage: string | null;
            /** @description the first 100 lines that were refused, left out or repaired */
            errors: {
                code: string;
                /** @enum {string} */
                kind: "invalid" | "duplicate" | "repaired";
                line: number;
                number: string;
                /** @description with +, when the number can be read in several ways */
                readings: string[];
                reason: string;
            }[];
            fileName: string | null;
            finishedAt: string | null;
            format: ("csv" | "xlsx" | "vcard") | null;
            id: string;
            importId: string;
            invalid: number;
            /** @enum {string} */
            kind: "contacts" | "opt_outs";
            listId: string | null;
            percent: number;
            /** @description the first lines, when no column is known to hold the numbers: send it again with `mapping` */
            preview: {
                columns: string[];
                sample: string[][];
            } | null;
            processed: number;
            /** @description numbers that a spreadsheet had mangled and that could be repaired for certain */
            repaired: number;
            sizeBytes: number;
            /** @enum {string} */
            status: "running" | "completed" | "failed";
            /** @description rows of the file; null until it has been checked */
            total: number | null;
            updated: number;
            /** @description what was guessed about the file */
            warnings: {
                code: string;
                message: string;
            }[];
        };
        Failure: {
            /** @enum {string} */
            code: "VALIDATION_FAILED" | "INVALID_NUMBER" | "URL_REFUSED" | "OTP_INVALID" | "UNAUTHORIZED" | "SECOND_FACTOR_REQUIRED" | "FORBIDDEN" | "SECOND_FACTOR_MISSING" | "WORKSPACE_SUSPENDED" | "NOT_GROUP_ADMIN" | "NOT_GROUP_MEMBER" | "NOT_FOUND" | "SESSION_NOT_FOUND" | "QR_NOT_READY" | "OTP_NOT_FOUND" | "GROUP_GONE" | "METHOD_NOT_ALLOWED" | "SESSION_EXISTS" | "DUPLICATE_PHONE" | "ALREADY_CONNECTED" | "NOT_CONNECTED" | "GROUP_FULL" | "BROADCAST_IN_PROGRESS" | "CONFLICT" | "IDEMPOTENCY_CONFLICT" | "IDEMPOTENCY_IN_PROGRESS" | "OTP_EXPIRED" | "PASSKEY_EXPIRED" | "INVITE_INVALID" | "BODY_TOO_LARGE" | "FILE_TOO_LARGE" | "UNSUPPORTED_MEDIA" | "NOT_SUPPORTED" | "FILE_INFECTED" | "NOT_ON_WHATSAPP" | "PASSKEY_REFUSED" | "RATE_LIMITED" | "OTP_MAX_ATTEMPTS" | "QUOTA_EXCEEDED" | "INTERNAL" | "SEND_FAILED" | "UNAVAILABLE";
            /** @description which field and why, or what else a program may decide by */
            details: {
                [key: string]: unknown;
            };
            /** @description where the code is explained */
            docUrl: string;
            /** @description the same text as message */
            error: string;
            /** @description what to do */
            hint: string;
            /** @description for a person */
            message: string;
            requestId: string;
            /** @constant */
            success: false;
            /** @description names in the request that mean nothing here */
            warnings?: string[];
        };
        Group: {
            announce: boolean;
            createdAt: string | null;
            description: string | null;
            ephemeral: number;
            /** @description `to` of a message with `isGroup` */
            id: string;
            joinApproval: boolean;
            locked: boolean;
            members: {
                jid: string;
                /** @description E.164 with `+`; null when WhatsApp does not tell */
                phone: string | null;
                /** @enum {string} */
                role: "owner" | "admin" | "member";
            }[];
            membersAdd: boolean;
            owner: {
                jid: string;
                /** @description E.164 with `+`; null when WhatsApp does not tell */
                phone: string | null;
            } | null;
            /** @description of the session itself */
            role: ("owner" | "admin" | "member") | null;
            size: number;
            subject: string;
        };
        GroupJoinRequest: {
            jid: string;
            /** @description E.164 with `+`; null when WhatsApp does not tell */
            phone: string | null;
            requestedAt: string | null;
        };
        GroupMemberOutcome: {
            /** @description WhatsApp's own number of it */
            code: string | null;
            jid: string;
            /** @description E.164 with `+`; null when WhatsApp does not tell */
            phone: string | null;
            /**
             * @description `private`: they decide who adds them, send them the invite link; `left_recently`: they cannot be added for some days
             * @enum {string}
             */
            status: "done" | "not_on_whatsapp" | "not_member" | "already_member" | "private" | "left_recently" | "blocked" | "group_full" | "refused";
        };
        Health: {
            clock: {
                /** @description how far this machine's clock is from the database's, positive when it is ahead */
                skewMs: number | null;
                /** @enum {string} */
                status: "ok" | "skewed";
            };
            database: {
                latencyMs: number | null;
                /** @enum {string} */
                status: "up" | "down";
                /** @enum {string} */
                type: "sqlite" | "mysql";
                /** @description false: it answers, but nothing can be kept */
                writable: boolean;
            };
            engine: {
                name: string;
                /** @description how many are in each state */
                sessions: {
                    [key: string]: number;
                } | null;
                /** @description sessions whose credentials cannot be read at the moment */
                unreadable: number | null;
            };
            /** @enum {string} */
            phase: "starting" | "ready" | "stopping";
            /**
             * @description degraded: files cannot be kept or read, the clock is wrong, or credentials cannot be read; everything else works
             * @enum {string}
             */
            status: "ok" | "degraded" | "down";
            storage: {
                /** @enum {string} */
                status: "up" | "down";
                /** @enum {string} */
                type: "local" | "s3";
            };
            /** Format: date-time */
            timestamp: string;
        };
        HealthAnswer: {
            clock: {
                /** @description how far this machine's clock is from the database's, positive when it is ahead */
                skewMs: number | null;
                /** @enum {string} */
                status: "ok" | "skewed";
            };
            data: components["schemas"]["Health"];
            database: {
                latencyMs: number | null;
                /** @enum {string} */
                status: "up" | "down";
                /** @enum {string} */
                type: "sqlite" | "mysql";
                /** @description false: it answers, but nothing can be kept */
                writable: boolean;
            };
            engine: {
                name: string;
                /** @description how many are in each state */
                sessions: {
                    [key: string]: number;
                } | null;
                /** @description sessions whose credentials cannot be read at the moment */
                unreadable: number | null;
            };
            message: string;
            /** @enum {string} */
            phase: "starting" | "ready" | "stopping";
            /**
             * @description degraded: files cannot be kept or read, the clock is wrong, or credentials cannot be read; everything else works
             * @enum {string}
             */
            status: "ok" | "degraded" | "down";
            storage: {
                /** @enum {string} */
                status: "up" | "down";
                /** @enum {string} */
                type: "local" | "s3";
            };
            /** Format: date-time */
            timestamp: string;
        };
        Identity: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            /** @description as the provider said it last */
            email: string;
            id: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            lastUsedAt: string;
            provider: string;
        };
        InboundAudio: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            media: components["schemas"]["InboundMedia"];
            mentions?: string[];
            /** @description a voice note */
            ptt: boolean;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            seconds?: number;
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "audio";
            viewOnce?: boolean;
        };
        InboundButton: {
            code?: string;
            id?: string;
            kind?: string;
            phone?: string;
            text: string;
            url?: string;
        };
        InboundButtons: {
            buttons: components["schemas"]["InboundButton"][];
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            footer?: string;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text: string;
            title?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "buttons";
            viewOnce?: boolean;
        };
        InboundChoice: {
            id: string;
            text: string;
        };
        InboundContact: {
            /** @description all of them, when there are several */
            contacts?: components["schemas"]["InboundSharedContact"][];
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            name: string;
            /** @description how many more there were */
            omitted?: number;
            /** @description E.164 digits */
            phone: string | null;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "contact";
            vcard: string;
            viewOnce?: boolean;
        };
        InboundContent: components["schemas"]["InboundText"] | components["schemas"]["InboundImage"] | components["schemas"]["InboundVideo"] | components["schemas"]["InboundAudio"] | components["schemas"]["InboundDocument"] | components["schemas"]["InboundSticker"] | components["schemas"]["InboundLocation"] | components["schemas"]["InboundContact"] | components["schemas"]["InboundPoll"] | components["schemas"]["InboundPollVote"] | components["schemas"]["InboundReaction"] | components["schemas"]["InboundReply"] | components["schemas"]["InboundButtons"] | components["schemas"]["InboundTemplate"] | components["schemas"]["InboundInteractive"] | components["schemas"]["InboundList"] | components["schemas"]["InboundProduct"] | components["schemas"]["InboundOrder"] | components["schemas"]["InboundEvent"] | components["schemas"]["InboundEdit"] | components["schemas"]["InboundDelete"] | components["schemas"]["InboundUnsupported"] | components["schemas"]["InboundUnknown"];
        InboundDelete: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            messageId: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "delete";
            viewOnce?: boolean;
        };
        InboundDocument: {
            caption?: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            filename: string;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            media: components["schemas"]["InboundMedia"];
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "document";
            viewOnce?: boolean;
        };
        InboundEdit: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            messageId: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /** @description as it is now */
            text: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "edit";
            viewOnce?: boolean;
        };
        InboundEvent: {
            canceled?: boolean;
            description?: string;
            /** @description ISO 8601 */
            endsAt?: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            joinLink?: string;
            mentions?: string[];
            name: string;
            place?: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /** @description ISO 8601 */
            startsAt?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "event";
            viewOnce?: boolean;
        };
        InboundImage: {
            caption?: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            media: components["schemas"]["InboundMedia"];
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "image";
            viewOnce?: boolean;
        };
        InboundInteractive: {
            buttons: components["schemas"]["InboundButton"][];
            cards?: {
                buttons: components["schemas"]["InboundButton"][];
                footer?: string;
                text: string;
                title?: string;
            }[];
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            footer?: string;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text: string;
            title?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "interactive";
            viewOnce?: boolean;
        };
        InboundList: {
            buttonText: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            footer?: string;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            sections: {
                rows: {
                    description?: string;
                    id: string;
                    title: string;
                }[];
                title?: string;
            }[];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text: string;
            title?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "list";
            viewOnce?: boolean;
        };
        InboundLocation: {
            address?: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            latitude: number;
            live?: boolean;
            longitude: number;
            mentions?: string[];
            name?: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "location";
            viewOnce?: boolean;
        };
        InboundMedia: {
            /** @description why it failed: `too_large`, `gone`, `corrupt`, `unavailable` */
            error?: string;
            /** @description once it is stored: good for `GET /media/:id` and for sends */
            id?: string;
            mimetype: string;
            /** @description hex; null when the sender does not say */
            sha256: string | null;
            /** @description bytes; null when the sender does not say */
            size: number | null;
            /** @enum {string} */
            state: "pending" | "stored" | "failed";
            /** @description once it is stored: opens without a credential for a day */
            url?: string;
        };
        InboundOrder: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            /** @description how many */
            items: number;
            mentions?: string[];
            orderId: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text?: string;
            title?: string;
            total?: components["schemas"]["InboundPrice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "order";
            viewOnce?: boolean;
        };
        InboundPoll: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            multiple: boolean;
            options: string[];
            question: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "poll";
            viewOnce?: boolean;
        };
        InboundPollVote: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            messageId: string;
            /** @description null: only the voters can read the vote */
            options: string[] | null;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "poll_vote";
            viewOnce?: boolean;
        };
        InboundPrice: {
            amount: number;
            /** @description ISO 4217; empty when the sender does not say */
            currency: string;
        };
        InboundProduct: {
            description?: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            footer?: string;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            price?: components["schemas"]["InboundPrice"];
            productId: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            retailerId?: string;
            salePrice?: components["schemas"]["InboundPrice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text?: string;
            title: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "product";
            url?: string;
            viewOnce?: boolean;
        };
        InboundQuoted: {
            author: string | null;
            fromMe: boolean;
            messageId: string;
            preview: string;
        };
        InboundReaction: {
            /** @description empty: taken back */
            emoji: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            messageId: string;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "reaction";
            viewOnce?: boolean;
        };
        InboundReferral: {
            body?: string;
            conversionSource?: string;
            /** @description the click's id at Meta, for its Conversions API */
            ctwaClid?: string;
            entryPoint?: string;
            entryPointApp?: string;
            mediaUrl?: string;
            ref?: string;
            sourceApp?: string;
            sourceId?: string;
            sourceType?: string;
            sourceUrl?: string;
            thumbnailUrl?: string;
            title?: string;
        };
        InboundReply: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            /** @description a form that was filled in */
            flow?: {
                name: string;
                params: {
                    [key: string]: unknown;
                };
            };
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "reply";
            viewOnce?: boolean;
        };
        InboundReplyChoice: {
            id: string;
            messageId: string;
            text: string;
        };
        InboundSharedContact: {
            name: string;
            /** @description E.164 digits */
            phone: string | null;
            vcard: string;
        };
        InboundSticker: {
            animated: boolean;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            media: components["schemas"]["InboundMedia"];
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "sticker";
            viewOnce?: boolean;
        };
        InboundTemplate: {
            buttons: components["schemas"]["InboundButton"][];
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            footer?: string;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text: string;
            title?: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "template";
            viewOnce?: boolean;
        };
        InboundText: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            text: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text";
            viewOnce?: boolean;
        };
        InboundUnknown: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            /** @enum {string} */
            reason: "malformed" | "too_large" | "too_slow" | "unstorable";
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "unknown";
            viewOnce?: boolean;
        };
        InboundUnsupported: {
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            /** @description WhatsApp's own name of it */
            kind: string;
            mentions?: string[];
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "unsupported";
            viewOnce?: boolean;
        };
        InboundVideo: {
            caption?: string;
            /** @description seconds after which it disappears from its chat */
            expiration?: number;
            forwarded?: boolean;
            /** @description how often; phones mark it from 5 on */
            forwardingScore?: number;
            gif?: boolean;
            media: components["schemas"]["InboundMedia"];
            mentions?: string[];
            note?: boolean;
            quoted?: components["schemas"]["InboundQuoted"];
            /** @description the message it answers */
            quotedId?: string;
            referral?: components["schemas"]["InboundReferral"];
            /** @description what it chose of an earlier message of the session */
            reply?: components["schemas"]["InboundReplyChoice"];
            /** @description a button or row that was tapped */
            selected?: components["schemas"]["InboundChoice"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "video";
            viewOnce?: boolean;
        };
        Invitation: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            email: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            expiresAt: string;
            id: string;
            /** @description the person who invited */
            invitedBy: number;
            role: components["schemas"]["WorkspaceRole"];
            /** @description the first of `sessionIds` */
            sessionId: string | null;
            /** @description the sessions that they will see; null: all */
            sessionIds: string[] | null;
        };
        MadeCampaign: {
            campaignId: string;
            /** @description numbers that were there twice: written to once */
            duplicates: number;
            id: string;
            /** @description numbers of the request that are none: skipped */
            invalid: number;
            name: string;
            scheduledAt: string | null;
            /** @enum {string} */
            status: "scheduled" | "running" | "paused" | "stopped" | "completed" | "failed";
            /** @description the zone in which a time without one was read */
            timezone: string | null;
            totalContacts: number;
        };
        Media: {
            /**
             * Format: date-time
             * @description kept until then; a send with it prolongs that
             */
            expiresAt: string;
            filename: string | null;
            /** @description to be used in sends and campaigns */
            id: string;
            /** @description as the bytes say */
            mimetype: string;
            sha256: string;
            /** @description bytes */
            size: number;
            /** @description opens without a credential for a day */
            url: string;
        };
        Member: {
            /** @description null for whoever does not manage members */
            email: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            joinedAt: string;
            /** @description null for whoever does not manage members, too */
            lastLoginAt: string | null;
            name: string;
            role: components["schemas"]["WorkspaceRole"];
            /** @description the first of `sessionIds` */
            sessionId: string | null;
            /** @description the sessions that the member sees; null: all */
            sessionIds: string[] | null;
            /** @enum {string} */
            status: "active" | "disabled";
            userId: number;
        };
        Membership: {
            /** @description of the workspace */
            id: number;
            name: string;
            /** @description members without a second factor can only set one up */
            requireSecondFactor: boolean;
            role: components["schemas"]["WorkspaceRole"];
            /** @description the first of `sessionIds` */
            sessionId: string | null;
            /** @description the sessions that the member sees; null: all */
            sessionIds: string[] | null;
            timezone: string | null;
        };
        MessageDetail: {
            attempts: number;
            /** @description the JID of the conversation */
            chat: string;
            /** @description null where it is a secret. Of inbound messages: the fields of its type, and `quoted`, `mentions`, `forwarded`, `referral`, `expiration` where they apply (docs/engines.md, what comes in) */
            content: components["schemas"]["InboundContent"] | components["schemas"]["SentContent"] | null;
            /** Format: date-time */
            createdAt: string;
            deliveredAt: string | null;
            /** @enum {string} */
            direction: "in" | "out";
            errorCode: string | null;
            errorMessage: string | null;
            /** @description while it is queued; null when not known */
            estimatedSendAt: string | null;
            expiresAt: string | null;
            failedAt: string | null;
            /** @description the sender of an inbound message */
            from: string | null;
            messageId: string;
            /** @description of `to` or `from`: as the phone of the session has saved it, else as they call themselves. Null when not known, and in answers to what changes a message */
            name: string | null;
            /** @description who did not get a message that was sent, since WhatsApp has no usable keys of theirs */
            notReached: {
                /** @description no device of theirs got it */
                all: boolean;
                /** @description their devices; 0 is the phone itself */
                devices: number[];
                /** @description a person: `+` and digits, or a LID */
                to: string;
            }[];
            /** @enum {string} */
            priority: "high" | "normal" | "low";
            queuedAt: string | null;
            readAt: string | null;
            scheduledAt: string | null;
            sendingAt: string | null;
            sentAt: string | null;
            session: string;
            sessionId: string;
            status: components["schemas"]["MessageStatus"];
            /** @description the recipient of an outbound message, or the group */
            to: string | null;
            type: string;
            /** Format: date-time */
            updatedAt: string;
            waitingFor: components["schemas"]["WaitingFor"];
        };
        MessageOutput: {
            attempts: number;
            /** @description the JID of the conversation */
            chat: string;
            /** @description null where it is a secret. Of inbound messages: the fields of its type, and `quoted`, `mentions`, `forwarded`, `referral`, `expiration` where they apply (docs/engines.md, what comes in) */
            content: components["schemas"]["InboundContent"] | components["schemas"]["SentContent"] | null;
            /** Format: date-time */
            createdAt: string;
            deliveredAt: string | null;
            /** @enum {string} */
            direction: "in" | "out";
            errorCode: string | null;
            errorMessage: string | null;
            expiresAt: string | null;
            failedAt: string | null;
            /** @description the sender of an inbound message */
            from: string | null;
            messageId: string;
            /** @description of `to` or `from`: as the phone of the session has saved it, else as they call themselves. Null when not known, and in answers to what changes a message */
            name: string | null;
            /** @description who did not get a message that was sent, since WhatsApp has no usable keys of theirs */
            notReached: {
                /** @description no device of theirs got it */
                all: boolean;
                /** @description their devices; 0 is the phone itself */
                devices: number[];
                /** @description a person: `+` and digits, or a LID */
                to: string;
            }[];
            /** @enum {string} */
            priority: "high" | "normal" | "low";
            queuedAt: string | null;
            readAt: string | null;
            scheduledAt: string | null;
            sendingAt: string | null;
            sentAt: string | null;
            session: string;
            sessionId: string;
            status: components["schemas"]["MessageStatus"];
            /** @description the recipient of an outbound message, or the group */
            to: string | null;
            type: string;
            /** Format: date-time */
            updatedAt: string;
        };
        MessageReceivedEvent: {
            data: {
                /** @description the JID of the conversation */
                chat: string | null;
                /** @description null when the message is not kept any more */
                content: components["schemas"]["InboundContent"] | null;
                /** @description the sender, accepted as `to` */
                from: string | null;
                /** @description of the message in the history */
                id?: string;
                isGroup: boolean;
                /** @description `…@lid` */
                lid: string | null;
                messageId: string;
                /** @description in a group: the JID of the sender */
                participant: string | null;
                /** @description E.164 with `+`; null when WhatsApp does not tell */
                phone: string | null;
                /** @description the name that the sender has given themselves */
                pushName?: string | null;
                /** @description counts the events of the session; a higher one is later */
                seq: number;
                session: string;
                sessionId: string;
                /** @constant */
                status: "received";
                /** @description the type of `content` */
                type?: string;
            };
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            timestamp: string;
            /** @constant */
            type: "message.received";
        };
        /** @enum {string} */
        MessageStatus: "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "canceled" | "expired" | "received";
        MonthUsage: {
            byCategory: {
                /** @description message, campaign or otp */
                category: string;
                count: number;
            }[];
            byDay: {
                count: number;
                day: string;
            }[];
            byEngine: {
                count: number;
                engine: string;
            }[];
            byKind: {
                count: number;
                /** @description type of the message */
                kind: string;
            }[];
            bySession: {
                count: number;
                sessionId: string;
            }[];
            month: string;
            /** @description accepted messages */
            total: number;
        };
        OptOut: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            note: string | null;
            number: string;
            sessionId: string | null;
            /** @enum {string} */
            source: "message" | "manual" | "import";
            /** @description the word that was written */
            word: string | null;
        };
        OtpConversion: {
            /** @description ISO 3166 codes; null: a number of no country */
            byCountry: {
                canceled: number;
                country: string | null;
                expired: number;
                failed: number;
                /** @description still open */
                pending: number;
                /** @description percent of those that ended and were not replaced */
                successRate: number | null;
                total: number;
                verified: number;
            }[];
            byDay: {
                canceled: number;
                date: string;
                expired: number;
                failed: number;
                /** @description still open */
                pending: number;
                /** @description percent of those that ended and were not replaced */
                successRate: number | null;
                total: number;
                verified: number;
            }[];
            period: {
                /** @description false: more than 200,000 codes, only the newest are counted */
                complete: boolean;
                days: number;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC, milliseconds
                 */
                from: string;
                timeZone: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC, milliseconds
                 */
                to: string;
            };
            total: {
                canceled: number;
                expired: number;
                failed: number;
                /** @description still open */
                pending: number;
                /** @description percent of those that ended and were not replaced */
                successRate: number | null;
                total: number;
                verified: number;
            };
        };
        OtpLogEntry: {
            attempts: number;
            companyName: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            endedAt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            expiresAt: string;
            id: string;
            ipAddress: string | null;
            maxAttempts: number;
            messageId: string;
            otpId: string;
            phoneNumber: string;
            reason: string | null;
            sentAt: string | null;
            sessionId: string;
            /** @enum {string} */
            status: "pending" | "sent" | "verified" | "expired" | "failed" | "canceled";
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
            userAgent: string | null;
            userId: number;
            verifiedAt: string | null;
        };
        Pagination: {
            limit: number;
            page: number;
            /** @description null when there are more than are counted */
            totalItems: number | null;
            totalPages: number | null;
        };
        PasskeyStep: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            expiresAt: string;
            /** @description what navigator.credentials takes as publicKey, as JSON (base64url) */
            options: {
                [key: string]: unknown;
            };
            /** @description goes back with what the browser gave */
            token: string;
        };
        PasswordResetLink: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            expiresAt: string;
            token: string;
            url: string;
        };
        Plan: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            id: string;
            limits: {
                [key: string]: number;
            };
            name: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
            /** @description how many have it */
            workspaces: number;
        };
        QueueStatus: {
            canceled: number;
            /** @description sent, delivered or read, of the last 24 h */
            completed: number;
            expired: number;
            /** @description of the last 24 h */
            failed: number;
            /** @description by a person: nothing leaves, whatever its priority */
            isPaused: boolean;
            /** @description a message is being sent, or one is due and nothing holds it */
            isProcessing: boolean;
            /** @description since when the message waits that has waited longest, of those that may go */
            oldestDueAt: string | null;
            /** @description null with `isPaused`: until somebody resumes it */
            pausedUntil: string | null;
            pending: number;
            processing: number;
            /** @description why nothing is sent at the moment, e.g. paused, hour_limit */
            reason: string | null;
            session: string;
            sessionId: string;
            /** @description what the message that comes next waits for */
            waitingFor: components["schemas"]["WaitingFor"];
        };
        RegistrationToConfirm: {
            message: string;
            /** @constant */
            verification: "sent";
        };
        /** @enum {string} */
        Role: "admin" | "user" | "readonly";
        SecondFactor: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            id: string;
            /** @enum {string} */
            kind: "totp" | "passkey";
            lastUsedAt: string | null;
            name: string;
        };
        SenderPool: {
            createdAt: string;
            id: string;
            name: string;
            sessions: {
                sessionId: string;
                /** @description null: the session was deleted, and is passed over */
                status: string | null;
            }[];
            updatedAt: string;
        };
        SentContent: {
            type: string;
        } & {
            [key: string]: unknown;
        };
        SentMessage: {
            /** @description not before what it waits for ends; null when that is not known */
            estimatedSendAt: string | null;
            /** @description the id on WhatsApp, fixed before sending and kept on every retry */
            messageId: string;
            /**
             * @description of buttons and lists: as WhatsApp buttons, or as a numbered text
             * @enum {string}
             */
            rendering?: "native" | "text";
            scheduledAt: string | null;
            session: string;
            sessionId: string;
            status: components["schemas"]["MessageStatus"];
            /** Format: date-time */
            timestamp: string;
            /** @description the zone in which a time without one was read */
            timezone?: string;
            to: string;
            type: string;
            waitingFor: components["schemas"]["WaitingFor"];
        };
        SessionBrowser: {
            /** @description what the phone shows, such as the name of a shop or `Mac OS` */
            name: string;
            /**
             * @description as which program it is shown
             * @default chrome
             * @enum {string}
             */
            platform: "chrome" | "firefox" | "edge" | "safari" | "opera" | "desktop";
        };
        SessionLimits: {
            breaker: {
                /** @description `breaker_` and the code that WhatsApp refused a message with */
                reason: string | null;
                /**
                 * @description open: nothing goes to new recipients
                 * @enum {string}
                 */
                state: "closed" | "open";
                /** @description refusals in a row; each makes the pause longer */
                trips: number;
                until: string | null;
            };
            /** @description the service's own: no session sends faster */
            maxima: {
                delayMaxMs: number;
                delayMinMs: number;
                perHour: number;
                perMinute: number;
                perRecipientPerHour: number;
            };
            /** @description people who do not know the session */
            newContacts: {
                /** @description as its owner says */
                accountSince: string | null;
                /** @description when the phone linked the session; null: not known */
                linkedAt: string | null;
                /** @description with nothing remaining for normal priority: when there will be something */
                nextAt: string | null;
                /** @description the most in any 24 hours; null: no limit */
                perDay: number | null;
                /**
                 * @description set for this session; the service’s own for a young link or one of unknown age; no limit
                 * @enum {string}
                 */
                reason: "own" | "young" | "none";
                /** @description how many more may be written to now, codes included */
                remaining: number | null;
                /** @description of `remaining`, how many only high priority may spend */
                reserved: number;
                /** @description in the last 24 hours */
                used: number;
                /** @description WhatsApp's own cap, while it holds */
                whatsapp: {
                    /** @description NONE, FIRST_WARNING, SECOND_WARNING, CAPPED */
                    status: string;
                    /** Format: date-time */
                    toldAt: string;
                    /** @description the most of a cycle; null: it named no number */
                    total: number | null;
                    /** @description end of the cycle */
                    until: string | null;
                    /** @description as WhatsApp had counted when it told */
                    used: number;
                } | null;
            };
            /** @description what was set for this session */
            own: {
                delayMaxMs?: number;
                delayMinMs?: number;
                newContactsPerDay?: number;
                otpReservePercent?: number;
                perHour?: number;
                perMinute?: number;
                perRecipientPerHour?: number;
            };
            /** @description what counts now, for all messages together */
            pace: {
                delayMaxMs: number;
                delayMinMs: number;
                perHour: number;
                perMinute: number;
                perRecipientPerHour: number;
            };
            pausedUntil: string | null;
            pauseReason: string | null;
            quietHours: {
                from: string;
                quietUntil: string | null;
                timeZone: string;
                to: string;
            } | null;
            /** @description of `pace`, what is kept back for login codes */
            reserved: {
                percent: number;
                perHour: number;
                /** @description how many of `pace.perMinute` only high priority may spend */
                perMinute: number;
                perRecipientPerHour: number;
                /**
                 * @description set for this session; high priority was sent in the last 30 days; nothing is kept back
                 * @enum {string}
                 */
                reason: "own" | "codes" | "none";
            };
            /** @description WhatsApp does not let the account start new chats; null: it does */
            restriction: {
                /** @description WhatsApp's own name of the kind */
                kind: string;
                /** Format: date-time */
                since: string;
                /**
                 * Format: date-time
                 * @description until then only people who know the session are written to
                 */
                until: string;
            } | null;
            session: string;
            sessionId: string;
            warmUp: {
                days: number;
                /** Format: date-time */
                since: string;
                startPerHour: number;
                /** Format: date-time */
                until: string;
            } | null;
        };
        /** @enum {string} */
        SessionStatus: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
        SignedIn: {
            token: string;
            user: components["schemas"]["SignedInUser"];
        };
        SignedInUser: {
            /** @description the user's own key */
            apiKey: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            email: string;
            id: number;
            lastLoginAt: string | null;
            name: string;
            role: components["schemas"]["Role"];
            /** @enum {string} */
            status: "active" | "disabled";
            /** @description the zone in which times without one are read; null: that of the service */
            timezone: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
            workspace: components["schemas"]["Membership"];
        };
        SignIn: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            /** @description the one of this token */
            current: boolean;
            id: string;
            ip: string | null;
            /**
             * Format: date-time
             * @description to the minute
             */
            lastSeenAt: string;
            /** @description of the program and the system */
            name: string;
            /** @description whether one was given */
            secondFactor: boolean;
            userAgent: string | null;
        };
        SignInProvider: {
            id: string;
            label: string;
            /** @description opened in a browser, it signs in to the dashboard */
            url: string;
        };
        TimelineEntry: {
            /** Format: date-time */
            at: string;
            durationMs: number | null;
            /** @description of the call or the delivery */
            id: string | null;
            /** @enum {string} */
            kind: "request" | "step" | "webhook";
            /** @description the call, the step of the message, or the event */
            name: string;
            ok: boolean;
            /** @description of the answer */
            status: number | null;
        };
        UpdatedWebhook: {
            /** Format: date-time */
            createdAt: string;
            /** @description own headers that went because the URL leads elsewhere and their values were not given again */
            droppedHeaders: string[];
            events: string[];
            /** @description of your own headers; their values are never shown */
            headerNames: string[];
            id: string;
            /** @description `message.sent` carries the `content` of what you sent; of a login code it is always null */
            messageContent: boolean;
            /** @description until then the secret before the rotation signs too */
            previousSecretExpiresAt: string | null;
            sessionId: string | null;
            /** @enum {string} */
            status: "active" | "disabled";
            /** Format: date-time */
            updatedAt: string;
            url: string;
            userId: number;
        };
        Usage: {
            /** @description null: there is none */
            limit: number | null;
            /** @description as `details.quota` of QUOTA_EXCEEDED names it */
            quota: string;
            /**
             * Format: date-time
             * @description of what is counted by the day, month or hour: when it begins again
             */
            until?: string;
            /** @description null: counted a minute at a time only */
            used: number | null;
        };
        User: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            email: string;
            id: number;
            lastLoginAt: string | null;
            name: string;
            role: components["schemas"]["Role"];
            /** @enum {string} */
            status: "active" | "disabled";
            /** @description the zone in which times without one are read; null: that of the service */
            timezone: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            updatedAt: string;
        };
        /** @description what is in the way, what lasts longest first; empty: its turn comes by the pace of the session */
        WaitingFor: {
            /** @description what can be done about it */
            fix: string | null;
            /** @description `scheduled`, `paused`, `quiet_hours`, `minute_limit`, `hour_limit`, `recipient_limit`, `retry`, `breaker_463`, … or the status of a session that is not connected */
            reason: string;
            /** @description for a person */
            text: string;
            /** @description null: not known */
            until: string | null;
        }[];
        WebhookAttempt: {
            /** Format: date-time */
            at: string;
            attempt: number;
            durationMs: number;
            error: string | null;
            /** @description null: an older release has sent it */
            request: {
                /** @description secrets and codes are `[redacted]`; what came in is shown as the history has it now */
                body: string | null;
                /** @description values of your own headers are `[redacted]` */
                headers: {
                    [key: string]: string;
                };
            } | null;
            /** @description null: no answer came, or an older release has sent it */
            response: {
                /** @description at most 4,096 bytes */
                body: string;
            } | null;
            status: number | null;
        };
        WebhookDelivery: {
            attempts: number;
            /** Format: date-time */
            createdAt: string;
            event: string;
            /** @description the `webhook-id` header, the same on every attempt */
            id: string;
            lastAttemptAt: string | null;
            lastError: string | null;
            /** @description null: no answer came */
            lastStatus: number | null;
            nextAttemptAt: string | null;
            /** @description the session's number of this event */
            seq: number | null;
            sessionId: string | null;
            /** @enum {string} */
            state: "pending" | "delivered" | "dead";
            /** @description the earlier event of its session that has to be accepted first; null: it is first in line, or does not wait */
            waitingBehind: {
                attempts: number;
                event: string;
                id: string;
                lastError: string | null;
                nextAttemptAt: string | null;
            } | null;
            webhookId: string;
        };
        WebhookEvent: {
            data: {
                [key: string]: unknown;
            };
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            timestamp: string;
            /** @enum {string} */
            type: "message.received" | "message.media" | "message.sent" | "message.delivered" | "message.read" | "message.failed" | "message.expired" | "message.canceled" | "group.updated" | "group.members" | "group.requests" | "session.status" | "session.restricted" | "session.unrestricted" | "otp.verified" | "otp.expired" | "otp.failed" | "otp.conversion_low" | "campaign.completed" | "campaign.paused" | "campaign.failed" | "usage.warning";
        };
        WebhookHealth: {
            /** @description in the last 24 hours, at most the newest 10,000 */
            attempts: number;
            /** @description within the last 24 hours */
            lastAcceptedAt: string | null;
            /**
             * @description `down`: the last five attempts failed; `retrying`: the last one failed, or an event waits for another try; `unused`: nothing was sent yet
             * @enum {string}
             */
            state: "unused" | "healthy" | "retrying" | "down";
            /** @description percent of them that were accepted; null without any */
            successRate: number | null;
            /** @description events that are still to be delivered; null: more than 10,000 */
            waiting: number | null;
            /** @description when the oldest of them happened */
            waitingSince: string | null;
        };
        WebhookReplay: {
            /** Format: date-time */
            createdAt: string;
            /** @description failed events when it began; null: more than 10,000 */
            found: number | null;
            id: string;
            /** @description events that went back to be delivered so far */
            replayed: number;
            /** Format: date-time */
            since: string;
            /**
             * @description `done`: all have gone back to be delivered; `stopped`: on request, or the webhook is off
             * @enum {string}
             */
            state: "running" | "done" | "stopped";
            /** Format: date-time */
            until: string;
            /** Format: date-time */
            updatedAt: string;
            webhookId: string;
        };
        WebhookWithHealth: {
            /** Format: date-time */
            createdAt: string;
            events: string[];
            /** @description of your own headers; their values are never shown */
            headerNames: string[];
            health: components["schemas"]["WebhookHealth"];
            id: string;
            /** @description `message.sent` carries the `content` of what you sent; of a login code it is always null */
            messageContent: boolean;
            /** @description until then the secret before the rotation signs too */
            previousSecretExpiresAt: string | null;
            sessionId: string | null;
            /** @enum {string} */
            status: "active" | "disabled";
            /** Format: date-time */
            updatedAt: string;
            url: string;
            userId: number;
        };
        Workspace: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            /** @description of the workspace */
            id: number;
            /** @description how many people belong to it */
            members: number;
            name: string;
            /** @description members without a second factor can only set one up */
            requireSecondFactor: boolean;
            role: components["schemas"]["WorkspaceRole"];
            /** @description the first of `sessionIds` */
            sessionId: string | null;
            /** @description the sessions that the member sees; null: all */
            sessionIds: string[] | null;
            timezone: string | null;
            /** @description all of the person's; of a key only this one */
            workspaces: components["schemas"]["Membership"][];
        };
        WorkspaceDomain: {
            checkedAt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC, milliseconds
             */
            createdAt: string;
            domain: string;
            id: string;
            /** @description null: nobody joins by it yet */
            provenBy: ("dns" | "admin") | null;
            /** @description the TXT record that proves it */
            record: {
                name: string;
                value: string;
            };
            /** @description what people of the domain become */
            role: components["schemas"]["WorkspaceRole"];
            workspaceId: number;
        };
        /** @enum {string} */
        WorkspaceRole: "owner" | "admin" | "operator" | "marketer" | "developer" | "viewer";
        WorkspaceUsage: {
            byCategory: {
                [key: string]: number;
            };
            id: number;
            /** @description of its own */
            limits: {
                [key: string]: number;
            };
            members: number;
            /** @description accepted in that month, in UTC */
            messages: number;
            month: string;
            name: string;
            plan: {
                id: string;
                name: string;
            } | null;
            sessions: number;
            /** @enum {string} */
            status: "active" | "disabled";
            suspendedAt: string | null;
            suspendReason: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /**
         * @description `true`: the first answer to this Idempotency-Key, again.
         * @example true
         */
        IdempotentReplayed: string;
        /**
         * @description The preference of `Prefer` that was followed.
         * @example wait=20
         */
        PreferenceApplied: string;
        /**
         * @description What is left of the limit: `"<policy>";r=<requests left>;t=<seconds until the window ends>`.
         * @example "api";r=587;t=42
         */
        RateLimit: string;
        /**
         * @description The limit that counts here: `"<policy>";q=<requests>;w=<window in seconds>`.
         * @example "api";q=600;w=60
         */
        RateLimitPolicy: string;
        /**
         * @description The id of the request in every log; what you sent as `x-request-id`, or a new one.
         * @example 5f0c2a9e7b1d4c86
         */
        RequestId: string;
        /**
         * @description Whole seconds after which the same request may succeed.
         * @example 12
         */
        RetryAfter: number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    postAnalyticsCleanup: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "activityDays": 30,
                 *       "otpDays": 7
                 *     }
                 */
                "application/json": {
                    activityDays?: number;
                    otpDays?: number;
                };
            };
        };
        responses: {
            /** @description Delete old log entries */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "activityDeleted": 1,
                     *         "otpDeleted": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            activityDeleted: number;
                            otpDeleted: number;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsDashboard: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                /** @description for days and hours, such as Asia/Jakarta; when missing your own zone (`PUT /auth/me`), else TZ_HOUSEKEEPING, else UTC */
                timeZone?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sessions, messages and codes, in all and today */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessions": {
                     *           "total": 1,
                     *           "active": 1,
                     *           "inactive": 1,
                     *           "byStatus": {
                     *             "connecting": 1,
                     *             "qr": 1,
                     *             "passkey": 1,
                     *             "passkey_confirm": 1,
                     *             "connected": 1,
                     *             "disconnected": 1,
                     *             "logged_out": 1,
                     *             "replaced": 1,
                     *             "failed": 1
                     *           }
                     *         },
                     *         "messages": {
                     *           "total": 1,
                     *           "today": 1
                     *         },
                     *         "otp": {
                     *           "total": 1,
                     *           "today": 1
                     *         },
                     *         "timeZone": "Asia/Jakarta",
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description in and out */
                            messages: {
                                today: number;
                                total: number;
                            };
                            otp: {
                                today: number;
                                total: number;
                            };
                            sessions: {
                                /** @description connected */
                                active: number;
                                byStatus: {
                                    [key: string]: number;
                                };
                                inactive: number;
                                total: number;
                            };
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            timestamp: string;
                            timeZone: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsExport: {
        parameters: {
            query: {
                all?: "0" | "1" | "true" | "false" | "";
                /** @example csv */
                format?: "csv";
                /** @description not before */
                from?: string;
                /** @example activity */
                log: "activity" | "otp" | "messages";
                sessionId?: string;
                /** @description before */
                to?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A log as a file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsLogsActivity: {
        parameters: {
            query?: {
                /** @example message_send */
                action?: "session_create" | "session_delete" | "session_restart" | "qr_generate" | "qr_scan" | "connection_open" | "connection_close" | "message_send" | "message_attempt" | "message_receipt" | "message_receive" | "otp_send" | "otp_status" | "file_upload" | "api_call";
                all?: "0" | "1" | "true" | "false" | "";
                cursor?: string;
                /** @description not before */
                from?: string;
                /** @example 50 */
                limit?: number;
                page?: number;
                sessionId?: string;
                status?: "success" | "error" | "pending";
                /** @description before */
                to?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What happened, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "logs": [
                     *           {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "userId": 1,
                     *             "sessionId": "my-session",
                     *             "action": "session_create",
                     *             "event": "text",
                     *             "messageType": "text",
                     *             "phoneNumber": "+6281234567890",
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "status": "success",
                     *             "details": {},
                     *             "errorMessage": null,
                     *             "requestData": {},
                     *             "responseData": {},
                     *             "ipAddress": "text",
                     *             "userAgent": "text",
                     *             "duration": 1,
                     *             "requestId": "5f0c2a9e7b1d4c86",
                     *             "actorId": 1,
                     *             "createdAt": "2026-01-31T08:00:00.000Z",
                     *             "updatedAt": "2026-01-31T08:00:00.000Z"
                     *           }
                     *         ],
                     *         "pagination": {
                     *           "page": 1,
                     *           "limit": 50,
                     *           "totalItems": 1,
                     *           "totalPages": 1
                     *         },
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            logs: components["schemas"]["ActivityEntry"][];
                            nextCursor: string | null;
                            pagination: components["schemas"]["Pagination"];
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsLogsErrors: {
        parameters: {
            query?: {
                action?: "session_create" | "session_delete" | "session_restart" | "qr_generate" | "qr_scan" | "connection_open" | "connection_close" | "message_send" | "message_attempt" | "message_receipt" | "message_receive" | "otp_send" | "otp_status" | "file_upload" | "api_call";
                all?: "0" | "1" | "true" | "false" | "";
                cursor?: string;
                /** @description not before */
                from?: string;
                /** @example 20 */
                limit?: number;
                page?: number;
                sessionId?: string;
                /** @description before */
                to?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What went wrong, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "logs": [
                     *           {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "userId": 1,
                     *             "sessionId": "my-session",
                     *             "action": "session_create",
                     *             "event": "text",
                     *             "messageType": "text",
                     *             "phoneNumber": "+6281234567890",
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "status": "success",
                     *             "details": {},
                     *             "errorMessage": null,
                     *             "requestData": {},
                     *             "responseData": {},
                     *             "ipAddress": "text",
                     *             "userAgent": "text",
                     *             "duration": 1,
                     *             "requestId": "5f0c2a9e7b1d4c86",
                     *             "actorId": 1,
                     *             "createdAt": "2026-01-31T08:00:00.000Z",
                     *             "updatedAt": "2026-01-31T08:00:00.000Z"
                     *           }
                     *         ],
                     *         "pagination": {
                     *           "page": 1,
                     *           "limit": 50,
                     *           "totalItems": 1,
                     *           "totalPages": 1
                     *         },
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            logs: components["schemas"]["ActivityEntry"][];
                            nextCursor: string | null;
                            pagination: components["schemas"]["Pagination"];
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsLogsOtp: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                cursor?: string;
                /** @description not before */
                from?: string;
                limit?: number;
                page?: number;
                /**
                 * @description in any usual spelling
                 * @example 081234567890
                 */
                phoneNumber?: string;
                sessionId?: string;
                /** @example sent */
                status?: "pending" | "sent" | "verified" | "expired" | "failed" | "canceled";
                /** @description before */
                to?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What became of codes, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "logs": [
                     *           {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "otpId": "019c1234567870008000a1b2c3d4e5f6",
                     *             "userId": 1,
                     *             "sessionId": "my-session",
                     *             "phoneNumber": "+6281234567890",
                     *             "status": "sent",
                     *             "reason": null,
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "expiresAt": "2026-01-31T08:00:00.000Z",
                     *             "sentAt": "2026-01-31T08:00:00.000Z",
                     *             "verifiedAt": "2026-01-31T08:00:00.000Z",
                     *             "endedAt": "2026-01-31T08:00:00.000Z",
                     *             "attempts": 1,
                     *             "maxAttempts": 3,
                     *             "companyName": "Toko Maju",
                     *             "ipAddress": "text",
                     *             "userAgent": "text",
                     *             "createdAt": "2026-01-31T08:00:00.000Z",
                     *             "updatedAt": "2026-01-31T08:00:00.000Z"
                     *           }
                     *         ],
                     *         "pagination": {
                     *           "page": 1,
                     *           "limit": 50,
                     *           "totalItems": 1,
                     *           "totalPages": 1
                     *         },
                     *         "nextCursor": null,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "sent": 1,
                     *           "verified": 1,
                     *           "expired": 1,
                     *           "failed": 1,
                     *           "canceled": 1,
                     *           "successRate": 1
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            logs: components["schemas"]["OtpLogEntry"][];
                            nextCursor: string | null;
                            pagination: components["schemas"]["Pagination"];
                            statistics: {
                                /** @description null: more than 10,000 */
                                canceled: number | null;
                                /** @description null: more than 10,000 */
                                expired: number | null;
                                /** @description null: more than 10,000 */
                                failed: number | null;
                                /** @description null: more than 10,000 */
                                pending: number | null;
                                /** @description null: more than 10,000 */
                                sent: number | null;
                                /** @description percent of those that ended */
                                successRate: number | null;
                                /** @description null: more than 10,000 */
                                total: number | null;
                                /** @description null: more than 10,000 */
                                verified: number | null;
                            };
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsOtpConversion: {
        parameters: {
            query?: {
                /** @example 7 */
                days?: number;
                sessionId?: string;
                /**
                 * @description for days and hours, such as Asia/Jakarta; when missing your own zone (`PUT /auth/me`), else TZ_HOUSEKEEPING, else UTC
                 * @example Asia/Jakarta
                 */
                timeZone?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many codes were typed in, by day and by country */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "period": {
                     *           "from": "2026-01-31T08:00:00.000Z",
                     *           "to": "2026-01-31T08:00:00.000Z",
                     *           "days": 1,
                     *           "timeZone": "Asia/Jakarta",
                     *           "complete": true
                     *         },
                     *         "total": {
                     *           "total": 1,
                     *           "verified": 1,
                     *           "expired": 1,
                     *           "failed": 1,
                     *           "canceled": 1,
                     *           "pending": 1,
                     *           "successRate": 1
                     *         },
                     *         "byDay": [
                     *           {
                     *             "total": 1,
                     *             "verified": 1,
                     *             "expired": 1,
                     *             "failed": 1,
                     *             "canceled": 1,
                     *             "pending": 1,
                     *             "successRate": 1,
                     *             "date": "text"
                     *           }
                     *         ],
                     *         "byCountry": [
                     *           {
                     *             "total": 1,
                     *             "verified": 1,
                     *             "expired": 1,
                     *             "failed": 1,
                     *             "canceled": 1,
                     *             "pending": 1,
                     *             "successRate": 1,
                     *             "country": "text"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["OtpConversion"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsOverview: {
        parameters: {
            query?: {
                range?: "24h" | "7d" | "30d";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages by hour or day, codes, and what waits */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "range": "24h",
                     *         "buckets": [
                     *           {
                     *             "from": "2026-01-31T08:00:00.000Z",
                     *             "to": "2026-01-31T08:00:00.000Z",
                     *             "label": "text",
                     *             "counts": {
                     *               "waiting": 1,
                     *               "sent": 1,
                     *               "delivered": 1,
                     *               "read": 1,
                     *               "failed": 1,
                     *               "expired": 1,
                     *               "canceled": 1,
                     *               "received": 1
                     *             }
                     *           }
                     *         ],
                     *         "total": {
                     *           "waiting": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "expired": 1,
                     *           "canceled": 1,
                     *           "received": 1
                     *         },
                     *         "deliveryRate": 1,
                     *         "otp": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "sent": 1,
                     *           "verified": 1,
                     *           "expired": 1,
                     *           "failed": 1,
                     *           "canceled": 1,
                     *           "successRate": 1
                     *         },
                     *         "complete": true,
                     *         "queue": {
                     *           "messages": 1,
                     *           "oldestDueMs": 1
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            buckets: {
                                counts: {
                                    canceled: number;
                                    delivered: number;
                                    expired: number;
                                    failed: number;
                                    read: number;
                                    received: number;
                                    /** @description WhatsApp has taken it, and no receipt came yet */
                                    sent: number;
                                    waiting: number;
                                };
                                /**
                                 * Format: date-time
                                 * @description ISO 8601, UTC, milliseconds
                                 */
                                from: string;
                                label: string;
                                /**
                                 * Format: date-time
                                 * @description ISO 8601, UTC, milliseconds
                                 */
                                to: string;
                            }[];
                            /** @description false: only the newest 200,000 messages are counted */
                            complete: boolean;
                            /** @description percent of what WhatsApp took that reached the phone */
                            deliveryRate: number | null;
                            otp: {
                                /** @description null: more than 10,000 */
                                canceled: number | null;
                                /** @description null: more than 10,000 */
                                expired: number | null;
                                /** @description null: more than 10,000 */
                                failed: number | null;
                                /** @description null: more than 10,000 */
                                pending: number | null;
                                /** @description null: more than 10,000 */
                                sent: number | null;
                                /** @description percent of those that ended */
                                successRate: number | null;
                                /** @description null: more than 10,000 */
                                total: number | null;
                                /** @description null: more than 10,000 */
                                verified: number | null;
                            };
                            queue: {
                                /** @description that wait; counted up to 100,000 */
                                messages: number;
                                /** @description how long the one that is due for the longest waits */
                                oldestDueMs: number | null;
                            };
                            /** @enum {string} */
                            range: "24h" | "7d" | "30d";
                            total: {
                                canceled: number;
                                delivered: number;
                                expired: number;
                                failed: number;
                                read: number;
                                received: number;
                                /** @description WhatsApp has taken it, and no receipt came yet */
                                sent: number;
                                waiting: number;
                            };
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAnalyticsSessionsSessionIdStats: {
        parameters: {
            query?: {
                /** @example 7 */
                days?: number;
                /** @description for days and hours, such as Asia/Jakarta; when missing your own zone (`PUT /auth/me`), else TZ_HOUSEKEEPING, else UTC */
                timeZone?: string;
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What a session did in the last days */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "name": "Budi",
                     *         "status": "active",
                     *         "sessionStatus": "connected",
                     *         "period": {
                     *           "from": "2026-01-31T08:00:00.000Z",
                     *           "to": "2026-01-31T08:00:00.000Z",
                     *           "days": 1,
                     *           "timeZone": "Asia/Jakarta",
                     *           "complete": true
                     *         },
                     *         "messages": {
                     *           "total": 1,
                     *           "sent": 1,
                     *           "received": 1,
                     *           "failed": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "pending": 1,
                     *           "expired": 1,
                     *           "canceled": 1,
                     *           "successRate": 1,
                     *           "errorRate": 1
                     *         },
                     *         "byType": {
                     *           "my-session": {
                     *             "sent": 1,
                     *             "received": 1,
                     *             "failed": 1
                     *           }
                     *         },
                     *         "byHour": [
                     *           {
                     *             "hour": 1,
                     *             "sent": 1,
                     *             "received": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "byDay": [
                     *           {
                     *             "date": "text",
                     *             "sent": 1,
                     *             "received": 1,
                     *             "failed": 1,
                     *             "byType": {
                     *               "my-session": 1
                     *             }
                     *           }
                     *         ],
                     *         "peakHours": [
                     *           {
                     *             "hour": 1,
                     *             "messages": 1
                     *           }
                     *         ],
                     *         "topNumbers": [
                     *           {
                     *             "phoneNumber": "+6281234567890",
                     *             "messages": 1
                     *           }
                     *         ],
                     *         "errors": [
                     *           {
                     *             "errorCode": "text",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "responseTime": {
                     *           "count": 1,
                     *           "averageMs": 1,
                     *           "p50Ms": 1,
                     *           "p90Ms": 1,
                     *           "p95Ms": 1,
                     *           "p99Ms": 1,
                     *           "maxMs": 1
                     *         },
                     *         "otp": {
                     *           "total": 1,
                     *           "verified": 1,
                     *           "expired": 1,
                     *           "failed": 1,
                     *           "canceled": 1,
                     *           "pending": 1,
                     *           "failedAttempts": 1,
                     *           "successRate": 1
                     *         },
                     *         "uptime": {
                     *           "connectedSeconds": 1,
                     *           "percent": 1,
                     *           "disconnects": 1
                     *         },
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            byDay: {
                                byType: {
                                    [key: string]: number;
                                };
                                date: string;
                                failed: number;
                                received: number;
                                sent: number;
                            }[];
                            byHour: {
                                failed: number;
                                hour: number;
                                received: number;
                                sent: number;
                            }[];
                            byType: {
                                [key: string]: {
                                    failed: number;
                                    received: number;
                                    sent: number;
                                };
                            };
                            errors: {
                                count: number;
                                errorCode: string;
                            }[];
                            messages: {
                                canceled: number;
                                delivered: number;
                                errorRate: number | null;
                                expired: number;
                                failed: number;
                                pending: number;
                                read: number;
                                received: number;
                                sent: number;
                                successRate: number | null;
                                total: number;
                            };
                            name: string | null;
                            otp: {
                                canceled: number;
                                expired: number;
                                failed: number;
                                failedAttempts: number;
                                pending: number;
                                successRate: number | null;
                                total: number;
                                verified: number;
                            };
                            peakHours: {
                                hour: number;
                                messages: number;
                            }[];
                            period: {
                                /** @description false: only the newest 200,000 messages are counted */
                                complete: boolean;
                                days: number;
                                /**
                                 * Format: date-time
                                 * @description ISO 8601, UTC, milliseconds
                                 */
                                from: string;
                                timeZone: string;
                                /**
                                 * Format: date-time
                                 * @description ISO 8601, UTC, milliseconds
                                 */
                                to: string;
                            };
                            phoneNumber: string | null;
                            /** @description from the queue to WhatsApp's acknowledgement */
                            responseTime: {
                                averageMs: number | null;
                                count: number;
                                maxMs: number | null;
                                p50Ms: number | null;
                                p90Ms: number | null;
                                p95Ms: number | null;
                                p99Ms: number | null;
                            };
                            sessionId: string;
                            sessionStatus: components["schemas"]["SessionStatus"];
                            /** @enum {string} */
                            status: "active" | "inactive" | "error" | "connecting";
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            timestamp: string;
                            topNumbers: {
                                messages: number;
                                phoneNumber: string;
                            }[];
                            uptime: {
                                connectedSeconds: number;
                                disconnects: number;
                                percent: number | null;
                            };
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAssetsQrPageCss: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The style of the QR page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/css": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAssetsQrPageJs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The script of the QR page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthAcceptInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592",
                 *       "name": "Clerk",
                 *       "password": "password123"
                 *     }
                 */
                "application/json": {
                    /** @description of a new person */
                    name?: string;
                    /** @description of a new person; of one who has an account already, the one of that */
                    password?: string;
                    token: string;
                };
            };
        };
        responses: {
            /** @description Accept an invitation */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "workspace": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "timezone": "Asia/Jakarta",
                     *           "requireSecondFactor": true
                     *         },
                     *         "apiKey": "text"
                     *       },
                     *       "workspace": {
                     *         "id": 1,
                     *         "name": "Budi",
                     *         "role": "owner",
                     *         "sessionId": "my-session",
                     *         "sessionIds": [
                     *           "my-session"
                     *         ],
                     *         "timezone": "Asia/Jakarta",
                     *         "requireSecondFactor": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        token: string;
                        user: components["schemas"]["SignedInUser"];
                        workspace: components["schemas"]["Membership"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAuthApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List extra API keys */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "prefix": "text",
                     *           "scopes": [
                     *             "text"
                     *           ],
                     *           "sessionId": "my-session",
                     *           "expiresAt": "2026-01-31T08:00:00.000Z",
                     *           "lastUsedAt": "2026-01-31T08:00:00.000Z",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "createdBy": {
                     *             "id": 1,
                     *             "name": "Budi",
                     *             "removed": true
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["ApiKey"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shop",
                 *       "scopes": [
                 *         "messages:write",
                 *         "read"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** Format: date-time */
                    expiresAt?: string;
                    name: string;
                    scopes: ("*" | "read" | "messages:write" | "sessions:write" | "otp" | "broadcast" | "webhooks" | "media:write" | "analytics:write")[];
                    /** @description unique per user */
                    sessionId?: string;
                };
            };
        };
        responses: {
            /** @description Make an extra API key */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "apiKey": "text",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "prefix": "text",
                     *         "scopes": [
                     *           "text"
                     *         ],
                     *         "sessionId": "my-session",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "lastUsedAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "createdBy": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "removed": true
                     *         },
                     *         "apiKey": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        apiKey: string;
                        data: {
                            apiKey: string;
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            createdAt: string;
                            /** @description who made it */
                            createdBy: {
                                id: number;
                                name: string;
                                /** @description no member any more */
                                removed: boolean;
                            };
                            expiresAt: string | null;
                            id: string;
                            lastUsedAt: string | null;
                            name: string;
                            /** @description what the key begins with */
                            prefix: string;
                            scopes: string[];
                            sessionId: string | null;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteAuthApiKeysId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description End an extra API key */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthChangePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "currentPassword": "password123",
                 *       "newPassword": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    currentPassword: string;
                    newPassword: string;
                    /** @description end all API keys as well; the own key is a new one then */
                    revokeApiKeys?: boolean;
                };
            };
        };
        responses: {
            /** @description Change the own password */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                        token: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthForgotPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "user@example.com"
                 *     }
                 */
                "application/json": {
                    email: string;
                };
            };
        };
        responses: {
            /** @description Ask for a link for a new password */
            202: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAuthIdentities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the own identities at OpenID providers */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "provider": "text",
                     *           "email": "budi@example.com",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "lastUsedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Identity"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteAuthIdentitiesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Unlink an own identity */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthLogin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "user@example.com",
                 *       "password": "password123"
                 *     }
                 */
                "application/json": {
                    email: string;
                    password: string;
                };
            };
        };
        responses: {
            /** @description Sign in */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "workspace": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "timezone": "Asia/Jakarta",
                     *           "requireSecondFactor": true
                     *         },
                     *         "apiKey": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["SignedIn"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAuthMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who am I */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "apiKey": "text",
                     *         "workspace": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "timezone": "Asia/Jakarta",
                     *           "requireSecondFactor": true
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        user: {
                            apiKey?: string | null;
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            createdAt: string;
                            email: string;
                            id: number;
                            lastLoginAt: string | null;
                            name: string;
                            role: components["schemas"]["Role"];
                            /** @enum {string} */
                            status: "active" | "disabled";
                            /** @description the zone in which times without one are read; null: that of the service */
                            timezone: string | null;
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            updatedAt: string;
                            workspace: components["schemas"]["Membership"];
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putAuthMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "timezone": "Asia/Makassar"
                 *     }
                 */
                "application/json": {
                    timezone: string | null;
                };
            };
        };
        responses: {
            /** @description Change the settings of the workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        user: components["schemas"]["User"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAuthOidc: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where people can sign in with an account of another service */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "label": "text",
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SignInProvider"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthRegenerateApiKey: {
        parameters: {
            query?: {
                /** @description how long the old key goes on working */
                graceMinutes?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Replace the own API key */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "apiKey": "text"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        apiKey: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthRegister: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "user@example.com",
                 *       "password": "password123",
                 *       "name": "John Doe"
                 *     }
                 */
                "application/json": {
                    email: string;
                    name: string;
                    password: string;
                };
            };
        };
        responses: {
            /** @description Register */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "workspace": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "timezone": "Asia/Jakarta",
                     *           "requireSecondFactor": true
                     *         },
                     *         "apiKey": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & (components["schemas"]["SignedIn"] | components["schemas"]["RegistrationToConfirm"]);
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthResetPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592",
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    password: string;
                    /** @description end all API keys as well; the own key is a new one then */
                    revokeApiKeys?: boolean;
                    /** @description of the link */
                    token: string;
                };
            };
        };
        responses: {
            /** @description Choose a new password, with the token of a link */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592",
                 *       "code": "123456"
                 *     }
                 */
                "application/json": {
                    /** @description what the passkey signed; with `token` */
                    assertion?: {
                        clientExtensionResults?: {
                            [key: string]: unknown;
                        };
                        id: string;
                        rawId: string;
                        response: {
                            authenticatorData: string;
                            clientDataJSON: string;
                            signature: string;
                            userHandle?: string | null;
                        };
                        /** @constant */
                        type: "public-key";
                    };
                    /** @description of the authenticator app, or a recovery code */
                    code?: string;
                    /** @description of the answer SECOND_FACTOR_REQUIRED */
                    token: string;
                };
            };
        };
        responses: {
            /** @description Give the second factor, after the password */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "workspace": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "timezone": "Asia/Jakarta",
                     *           "requireSecondFactor": true
                     *         },
                     *         "apiKey": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["SignedIn"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592"
                 *     }
                 */
                "application/json": {
                    token: string;
                };
            };
        };
        responses: {
            /** @description What a passkey is asked with, after the password */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "options": {}
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        /** @description what navigator.credentials takes as publicKey, as JSON (base64url) */
                        options: {
                            [key: string]: unknown;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAuthSecondFactors: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the own second factors */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "kind": "totp",
                     *           "name": "Budi",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "lastUsedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "recoveryCodesLeft": 1,
                     *       "missing": true,
                     *       "proven": true,
                     *       "passkeysPossible": true,
                     *       "hasPassword": true
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SecondFactor"][];
                        /** @description false: signs in with an OpenID provider only */
                        hasPassword: boolean;
                        /** @description the workspace asks for one, and none was given in this sign-in */
                        missing: boolean;
                        /** @description browsers have passkeys for the address of this service */
                        passkeysPossible: boolean;
                        /** @description one was given in this sign-in */
                        proven: boolean;
                        recoveryCodesLeft: number;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsIdRemove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "password123",
                 *       "code": "123456"
                 *     }
                 */
                "application/json": {
                    /** @description what the passkey signed; with `token` */
                    assertion?: {
                        clientExtensionResults?: {
                            [key: string]: unknown;
                        };
                        id: string;
                        rawId: string;
                        response: {
                            authenticatorData: string;
                            clientDataJSON: string;
                            signature: string;
                            userHandle?: string | null;
                        };
                        /** @constant */
                        type: "public-key";
                    };
                    /** @description of the authenticator app, or a recovery code */
                    code?: string;
                    /** @description needed but for an account without one: that is to have signed in within the last 15 minutes */
                    password?: string;
                    /** @description of `POST /auth/second-factors/challenge`, with `assertion` */
                    token?: string;
                };
            };
        };
        responses: {
            /** @description Take a second factor away */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsChallenge: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the own passkey is asked with, when signed in */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "options": {},
                     *       "expiresAt": "2026-01-31T08:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["PasskeyStep"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsConfirm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "123456"
                 *     }
                 */
                "application/json": {
                    /** @description what the passkey signed; with `token` */
                    assertion?: {
                        clientExtensionResults?: {
                            [key: string]: unknown;
                        };
                        id: string;
                        rawId: string;
                        response: {
                            authenticatorData: string;
                            clientDataJSON: string;
                            signature: string;
                            userHandle?: string | null;
                        };
                        /** @constant */
                        type: "public-key";
                    };
                    /** @description of the authenticator app, or a recovery code */
                    code?: string;
                    /** @description of `POST /auth/second-factors/challenge`, with `assertion` */
                    token?: string;
                };
            };
        };
        responses: {
            /** @description Give the second factor in this sign-in */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        token: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsPasskey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "password": "password123"
                 *     }
                 */
                "application/json": {
                    /** @description needed when the sign-in is older than 15 minutes */
                    password?: string;
                };
            };
        };
        responses: {
            /** @description Begin to set up a passkey */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "options": {},
                     *       "expiresAt": "2026-01-31T08:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["PasskeyStep"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsPasskeyConfirm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592",
                 *       "attestation": {
                 *         "id": "jZ2Jk0Y4Q0mYw1m2eJx0fA",
                 *         "rawId": "jZ2Jk0Y4Q0mYw1m2eJx0fA",
                 *         "type": "public-key",
                 *         "response": {
                 *           "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
                 *           "attestationObject": "o2NmbXRkbm9uZQ"
                 *         }
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @description what `navigator.credentials.create` gave */
                    attestation: {
                        clientExtensionResults?: {
                            [key: string]: unknown;
                        };
                        id: string;
                        rawId: string;
                        response: {
                            attestationObject: string;
                            clientDataJSON: string;
                            transports?: string[];
                        };
                        /** @constant */
                        type: "public-key";
                    };
                    name?: string;
                    token: string;
                };
            };
        };
        responses: {
            /** @description Keep the passkey that the browser has made */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "kind": "totp",
                     *         "name": "Budi",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "lastUsedAt": "2026-01-31T08:00:00.000Z"
                     *       },
                     *       "recoveryCodes": [
                     *         "text"
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["AddedSecondFactor"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsRecoveryCodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "password123",
                 *       "code": "123456"
                 *     }
                 */
                "application/json": {
                    /** @description what the passkey signed; with `token` */
                    assertion?: {
                        clientExtensionResults?: {
                            [key: string]: unknown;
                        };
                        id: string;
                        rawId: string;
                        response: {
                            authenticatorData: string;
                            clientDataJSON: string;
                            signature: string;
                            userHandle?: string | null;
                        };
                        /** @constant */
                        type: "public-key";
                    };
                    /** @description of the authenticator app, or a recovery code */
                    code?: string;
                    /** @description needed but for an account without one: that is to have signed in within the last 15 minutes */
                    password?: string;
                    /** @description of `POST /auth/second-factors/challenge`, with `assertion` */
                    token?: string;
                };
            };
        };
        responses: {
            /** @description Make new recovery codes */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "recoveryCodes": [
                     *         "text"
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        recoveryCodes: string[];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "password": "password123"
                 *     }
                 */
                "application/json": {
                    name?: string;
                    /** @description needed when the sign-in is older than 15 minutes */
                    password?: string;
                };
            };
        };
        responses: {
            /** @description Begin to set up an authenticator app */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
                     *         "uri": "text",
                     *         "qrCode": "data:image/png;base64,iVBORw0KGgo="
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            id: string;
                            /** @description `uri` as data:image/png */
                            qrCode: string;
                            /** @description base32; shown once */
                            secret: string;
                            uri: string;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSecondFactorsTotpConfirm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "id": "019316f5a1b27c3d8e4f5a6b7c8d9e0f",
                 *       "code": "123456"
                 *     }
                 */
                "application/json": {
                    /** @description of the app */
                    code: string;
                    id: string;
                };
            };
        };
        responses: {
            /** @description Confirm an authenticator app by its first code */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "kind": "totp",
                     *         "name": "Budi",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "lastUsedAt": "2026-01-31T08:00:00.000Z"
                     *       },
                     *       "recoveryCodes": [
                     *         "text"
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["AddedSecondFactor"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAuthSignIns: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where one is signed in */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "userAgent": "text",
                     *           "ip": "203.0.113.7",
                     *           "secondFactor": true,
                     *           "current": true,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "lastSeenAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SignIn"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteAuthSignInsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description End one sign-in */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSignOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description End the token of this request */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSignOutEverywhere: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @description end all API keys as well; the own key is a new one then */
                    revokeApiKeys?: boolean;
                };
            };
        };
        responses: {
            /** @description End all own tokens */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                        token: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthSwitchWorkspace: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "workspaceId": 2147483647
                 *     }
                 */
                "application/json": {
                    workspaceId: number;
                };
            };
        };
        responses: {
            /** @description Go to another workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "workspace": {
                     *         "id": 1,
                     *         "name": "Budi",
                     *         "role": "owner",
                     *         "sessionId": "my-session",
                     *         "sessionIds": [
                     *           "my-session"
                     *         ],
                     *         "timezone": "Asia/Jakarta",
                     *         "requireSecondFactor": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        token: string;
                        workspace: components["schemas"]["Membership"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postAuthVerifyEmail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "password123",
                 *       "token": "019316f5a1b27c3d8e4f5a6b7c8d9e0f.5d41402abc4b2a76b9719d911017c592"
                 *     }
                 */
                "application/json": {
                    password: string;
                    token: string;
                };
            };
        };
        responses: {
            /** @description Confirm the e-mail of a registration */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "workspace": {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "timezone": "Asia/Jakarta",
                     *           "requireSecondFactor": true
                     *         },
                     *         "apiKey": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["SignedIn"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getEvents: {
        parameters: {
            query?: {
                /** @description for clients that cannot set the header */
                lastEventId?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Follow the events of all sessions (Server-Sent Events) */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Database, storage and engine */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "status": "ok",
                     *       "phase": "starting",
                     *       "database": {
                     *         "status": "up",
                     *         "type": "sqlite",
                     *         "latencyMs": 1,
                     *         "writable": true
                     *       },
                     *       "storage": {
                     *         "status": "up",
                     *         "type": "local"
                     *       },
                     *       "clock": {
                     *         "status": "ok",
                     *         "skewMs": 1
                     *       },
                     *       "engine": {
                     *         "name": "Budi",
                     *         "sessions": {
                     *           "my-session": 1
                     *         },
                     *         "unreadable": 1
                     *       },
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "message": "Done",
                     *       "data": {
                     *         "status": "ok",
                     *         "phase": "starting",
                     *         "database": {
                     *           "status": "up",
                     *           "type": "sqlite",
                     *           "latencyMs": 1,
                     *           "writable": true
                     *         },
                     *         "storage": {
                     *           "status": "up",
                     *           "type": "local"
                     *         },
                     *         "clock": {
                     *           "status": "ok",
                     *           "skewMs": 1
                     *         },
                     *         "engine": {
                     *           "name": "Budi",
                     *           "sessions": {
                     *             "my-session": 1
                     *           },
                     *           "unreadable": 1
                     *         },
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["HealthAnswer"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getHealthLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "status": "live"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        /** @constant */
                        status: "live";
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getHealthReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Requests can be served */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "status": "ready",
                     *       "unreadableSessions": 1
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        /** @constant */
                        status: "ready";
                        /** @description sessions whose credentials cannot be read at the moment */
                        unreadableSessions: number;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMedia: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "file": "data:text/plain;base64,aGVsbG8="
                 *     }
                 */
                "application/json": {
                    /** @description an https URL or a data: URL */
                    file: string;
                };
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                };
            };
        };
        responses: {
            /** @description Upload a file for later sends and campaigns */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "mimetype": "image/jpeg",
                     *         "size": 48213,
                     *         "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *         "filename": "photo.jpeg",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Media"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getMediaId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes of a file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getMessageMessageId: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 3EB0A1B2C3D4E5F60718293A */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One message: status, the time of every step, attempts, error, and what it waits for */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "direction": "out",
                     *         "to": "+6281234567890",
                     *         "from": "text",
                     *         "name": "Budi",
                     *         "chat": "6281234567890@s.whatsapp.net",
                     *         "type": "text",
                     *         "content": {
                     *           "type": "text",
                     *           "text": "Your order is on its way.",
                     *           "quotedId": "text",
                     *           "quoted": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "fromMe": true,
                     *             "author": "text",
                     *             "preview": "text"
                     *           },
                     *           "selected": {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "reply": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "mentions": [
                     *             "text"
                     *           ],
                     *           "forwarded": true,
                     *           "forwardingScore": 1,
                     *           "referral": {
                     *             "sourceType": "text",
                     *             "sourceId": "text",
                     *             "sourceUrl": "text",
                     *             "sourceApp": "text",
                     *             "title": "Menu",
                     *             "body": "text",
                     *             "mediaUrl": "text",
                     *             "thumbnailUrl": "text",
                     *             "ctwaClid": "text",
                     *             "ref": "text",
                     *             "conversionSource": "text",
                     *             "entryPoint": "text",
                     *             "entryPointApp": "text"
                     *           },
                     *           "expiration": 1,
                     *           "viewOnce": true
                     *         },
                     *         "status": "queued",
                     *         "priority": "normal",
                     *         "attempts": 1,
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "notReached": [
                     *           {
                     *             "to": "+6281234567890",
                     *             "devices": [
                     *               1
                     *             ],
                     *             "all": true
                     *           }
                     *         ],
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "queuedAt": "2026-01-31T08:00:00.000Z",
                     *         "sendingAt": "2026-01-31T08:00:00.000Z",
                     *         "sentAt": "2026-01-31T08:00:00.000Z",
                     *         "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *         "readAt": "2026-01-31T08:00:00.000Z",
                     *         "failedAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "estimatedSendAt": "2026-01-31T08:00:00.000Z",
                     *         "waitingFor": [
                     *           {
                     *             "reason": "text",
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "text": "Your order is on its way.",
                     *             "fix": "text"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MessageDetail"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageMessageIdCancel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 3EB0A1B2C3D4E5F60718293A */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Cancel a message that has not begun to be sent */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "direction": "out",
                     *         "to": "+6281234567890",
                     *         "from": "text",
                     *         "name": "Budi",
                     *         "chat": "6281234567890@s.whatsapp.net",
                     *         "type": "text",
                     *         "content": {
                     *           "type": "text",
                     *           "text": "Your order is on its way.",
                     *           "quotedId": "text",
                     *           "quoted": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "fromMe": true,
                     *             "author": "text",
                     *             "preview": "text"
                     *           },
                     *           "selected": {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "reply": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "mentions": [
                     *             "text"
                     *           ],
                     *           "forwarded": true,
                     *           "forwardingScore": 1,
                     *           "referral": {
                     *             "sourceType": "text",
                     *             "sourceId": "text",
                     *             "sourceUrl": "text",
                     *             "sourceApp": "text",
                     *             "title": "Menu",
                     *             "body": "text",
                     *             "mediaUrl": "text",
                     *             "thumbnailUrl": "text",
                     *             "ctwaClid": "text",
                     *             "ref": "text",
                     *             "conversionSource": "text",
                     *             "entryPoint": "text",
                     *             "entryPointApp": "text"
                     *           },
                     *           "expiration": 1,
                     *           "viewOnce": true
                     *         },
                     *         "status": "queued",
                     *         "priority": "normal",
                     *         "attempts": 1,
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "notReached": [
                     *           {
                     *             "to": "+6281234567890",
                     *             "devices": [
                     *               1
                     *             ],
                     *             "all": true
                     *           }
                     *         ],
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "queuedAt": "2026-01-31T08:00:00.000Z",
                     *         "sendingAt": "2026-01-31T08:00:00.000Z",
                     *         "sentAt": "2026-01-31T08:00:00.000Z",
                     *         "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *         "readAt": "2026-01-31T08:00:00.000Z",
                     *         "failedAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MessageOutput"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageMessageIdRead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 3EB0A1B2C3D4E5F60718293A */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Mark an inbound message as read */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "direction": "out",
                     *         "to": "+6281234567890",
                     *         "from": "text",
                     *         "name": "Budi",
                     *         "chat": "6281234567890@s.whatsapp.net",
                     *         "type": "text",
                     *         "content": {
                     *           "type": "text",
                     *           "text": "Your order is on its way.",
                     *           "quotedId": "text",
                     *           "quoted": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "fromMe": true,
                     *             "author": "text",
                     *             "preview": "text"
                     *           },
                     *           "selected": {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "reply": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "mentions": [
                     *             "text"
                     *           ],
                     *           "forwarded": true,
                     *           "forwardingScore": 1,
                     *           "referral": {
                     *             "sourceType": "text",
                     *             "sourceId": "text",
                     *             "sourceUrl": "text",
                     *             "sourceApp": "text",
                     *             "title": "Menu",
                     *             "body": "text",
                     *             "mediaUrl": "text",
                     *             "thumbnailUrl": "text",
                     *             "ctwaClid": "text",
                     *             "ref": "text",
                     *             "conversionSource": "text",
                     *             "entryPoint": "text",
                     *             "entryPointApp": "text"
                     *           },
                     *           "expiration": 1,
                     *           "viewOnce": true
                     *         },
                     *         "status": "queued",
                     *         "priority": "normal",
                     *         "attempts": 1,
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "notReached": [
                     *           {
                     *             "to": "+6281234567890",
                     *             "devices": [
                     *               1
                     *             ],
                     *             "all": true
                     *           }
                     *         ],
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "queuedAt": "2026-01-31T08:00:00.000Z",
                     *         "sendingAt": "2026-01-31T08:00:00.000Z",
                     *         "sentAt": "2026-01-31T08:00:00.000Z",
                     *         "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *         "readAt": "2026-01-31T08:00:00.000Z",
                     *         "failedAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MessageOutput"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageMessageIdRetry: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example 3EB0A1B2C3D4E5F60718293A */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Queue a message that failed, expired or was canceled again, under the same id */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "direction": "out",
                     *         "to": "+6281234567890",
                     *         "from": "text",
                     *         "name": "Budi",
                     *         "chat": "6281234567890@s.whatsapp.net",
                     *         "type": "text",
                     *         "content": {
                     *           "type": "text",
                     *           "text": "Your order is on its way.",
                     *           "quotedId": "text",
                     *           "quoted": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "fromMe": true,
                     *             "author": "text",
                     *             "preview": "text"
                     *           },
                     *           "selected": {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "reply": {
                     *             "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "text": "Your order is on its way."
                     *           },
                     *           "mentions": [
                     *             "text"
                     *           ],
                     *           "forwarded": true,
                     *           "forwardingScore": 1,
                     *           "referral": {
                     *             "sourceType": "text",
                     *             "sourceId": "text",
                     *             "sourceUrl": "text",
                     *             "sourceApp": "text",
                     *             "title": "Menu",
                     *             "body": "text",
                     *             "mediaUrl": "text",
                     *             "thumbnailUrl": "text",
                     *             "ctwaClid": "text",
                     *             "ref": "text",
                     *             "conversionSource": "text",
                     *             "entryPoint": "text",
                     *             "entryPointApp": "text"
                     *           },
                     *           "expiration": 1,
                     *           "viewOnce": true
                     *         },
                     *         "status": "queued",
                     *         "priority": "normal",
                     *         "attempts": 1,
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "notReached": [
                     *           {
                     *             "to": "+6281234567890",
                     *             "devices": [
                     *               1
                     *             ],
                     *             "all": true
                     *           }
                     *         ],
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "queuedAt": "2026-01-31T08:00:00.000Z",
                     *         "sendingAt": "2026-01-31T08:00:00.000Z",
                     *         "sentAt": "2026-01-31T08:00:00.000Z",
                     *         "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *         "readAt": "2026-01-31T08:00:00.000Z",
                     *         "failedAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MessageOutput"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getMessageMessageIdTimeline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 3EB0A1B2C3D4E5F60718293A */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One message as a line of time */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "at": "2026-01-31T08:00:00.000Z",
                     *           "kind": "request",
                     *           "name": "Budi",
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "status": 1,
                     *           "durationMs": 1,
                     *           "ok": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["TimelineEntry"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageCheckNumber: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "phoneNumber": "+6281234567890"
                 *     }
                 */
                "application/json": {
                    phoneNumber: string;
                    /** @description the session */
                    session: string;
                };
            };
        };
        responses: {
            /** @description Ask WhatsApp whether a number is on it */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "exists": true,
                     *       "jid": "6281234567890@s.whatsapp.net",
                     *       "checkedAt": "2026-01-31T08:00:00.000Z"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        /** Format: date-time */
                        checkedAt: string;
                        exists: boolean;
                        jid: string | null;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageClearQueue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session"
                 *     }
                 */
                "application/json": {
                    /** @description the session */
                    session: string;
                };
            };
        };
        responses: {
            /** @description Cancel everything that has not begun to be sent */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "cleared": 1
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        cleared: number;
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getMessageList: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                cursor?: string;
                direction?: "in" | "out";
                /** @example 20 */
                limit?: number;
                page?: number;
                session?: string;
                since?: string;
                status?: "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "canceled" | "expired" | "received";
                /** @description the other side of the conversation */
                to?: string;
                type?: string;
                until?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the history, in and out, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *           "session": "my-session",
                     *           "sessionId": "my-session",
                     *           "direction": "out",
                     *           "to": "+6281234567890",
                     *           "from": "text",
                     *           "name": "Budi",
                     *           "chat": "6281234567890@s.whatsapp.net",
                     *           "type": "text",
                     *           "content": {
                     *             "type": "text",
                     *             "text": "Your order is on its way.",
                     *             "quotedId": "text",
                     *             "quoted": {
                     *               "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *               "fromMe": true,
                     *               "author": null,
                     *               "preview": "text"
                     *             },
                     *             "selected": {
                     *               "id": "019c1234567870008000a1b2c3d4e5f9",
                     *               "text": "Your order is on its way."
                     *             },
                     *             "reply": {
                     *               "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *               "id": "019c1234567870008000a1b2c3d4e5f9",
                     *               "text": "Your order is on its way."
                     *             },
                     *             "mentions": [
                     *               "text"
                     *             ],
                     *             "forwarded": true,
                     *             "forwardingScore": 1,
                     *             "referral": {
                     *               "sourceType": "text",
                     *               "sourceId": "text",
                     *               "sourceUrl": "text",
                     *               "sourceApp": "text",
                     *               "title": "Menu",
                     *               "body": "text",
                     *               "mediaUrl": "text",
                     *               "thumbnailUrl": "text",
                     *               "ctwaClid": "text",
                     *               "ref": "text",
                     *               "conversionSource": "text",
                     *               "entryPoint": "text",
                     *               "entryPointApp": "text"
                     *             },
                     *             "expiration": 1,
                     *             "viewOnce": true
                     *           },
                     *           "status": "queued",
                     *           "priority": "normal",
                     *           "attempts": 1,
                     *           "errorCode": null,
                     *           "errorMessage": null,
                     *           "notReached": [
                     *             {
                     *               "to": "+6281234567890",
                     *               "devices": [
                     *                 1
                     *               ],
                     *               "all": true
                     *             }
                     *           ],
                     *           "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *           "expiresAt": "2026-01-31T08:00:00.000Z",
                     *           "queuedAt": "2026-01-31T08:00:00.000Z",
                     *           "sendingAt": "2026-01-31T08:00:00.000Z",
                     *           "sentAt": "2026-01-31T08:00:00.000Z",
                     *           "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *           "readAt": "2026-01-31T08:00:00.000Z",
                     *           "failedAt": "2026-01-31T08:00:00.000Z",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       },
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MessageOutput"][];
                        nextCursor: string | null;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessagePauseQueue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session"
                 *     }
                 */
                "application/json": {
                    /** @description the session */
                    session: string;
                    /**
                     * Format: date-time
                     * @description goes on by itself then; until it is resumed when missing
                     */
                    until?: string;
                };
            };
        };
        responses: {
            /** @description Hold a session's queue */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "pending": 1,
                     *         "processing": 1,
                     *         "completed": 1,
                     *         "failed": 1,
                     *         "expired": 1,
                     *         "canceled": 1,
                     *         "oldestDueAt": "2026-01-31T08:00:00.000Z",
                     *         "isProcessing": true,
                     *         "isPaused": true,
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "reason": null,
                     *         "waitingFor": [
                     *           {
                     *             "reason": "text",
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "text": "Your order is on its way.",
                     *             "fix": "text"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["QueueStatus"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getMessageQueueStatus: {
        parameters: {
            query: {
                /**
                 * @description the session
                 * @example my-session
                 */
                session: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What waits, and why */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "session": "my-session",
                     *       "sessionId": "my-session",
                     *       "pending": 1,
                     *       "processing": 1,
                     *       "completed": 1,
                     *       "failed": 1,
                     *       "expired": 1,
                     *       "canceled": 1,
                     *       "oldestDueAt": "2026-01-31T08:00:00.000Z",
                     *       "isProcessing": true,
                     *       "isPaused": true,
                     *       "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *       "reason": null,
                     *       "waitingFor": [
                     *         {
                     *           "reason": "text",
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "text": "Your order is on its way.",
                     *           "fix": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & components["schemas"]["QueueStatus"];
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageResumeQueue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session"
                 *     }
                 */
                "application/json": {
                    /** @description the session */
                    session: string;
                };
            };
        };
        responses: {
            /** @description Let a session's queue go on */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "pending": 1,
                     *         "processing": 1,
                     *         "completed": 1,
                     *         "failed": 1,
                     *         "expired": 1,
                     *         "canceled": 1,
                     *         "oldestDueAt": "2026-01-31T08:00:00.000Z",
                     *         "isProcessing": true,
                     *         "isPaused": true,
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "reason": null,
                     *         "waitingFor": [
                     *           {
                     *             "reason": "text",
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "text": "Your order is on its way.",
                     *             "fix": "text"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["QueueStatus"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendAudio: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "audio": "https://example.com/voice.ogg",
                 *       "ptt": true
                 *     }
                 */
                "application/json": {
                    /** @description an https URL, a data: URL, the id of an upload, or (as a form) the file itself */
                    audio: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description as a voice note: Ogg Opus, or any sound where the service has ffmpeg */
                    ptt?: boolean;
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
                "multipart/form-data": {
                    /** Format: binary */
                    audio: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description as a voice note: Ogg Opus, or any sound where the service has ffmpeg */
                    ptt?: boolean;
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a sound or a voice note */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "audio",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendButtons: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "text": "Is this order right?",
                 *       "footer": "Reply with a number",
                 *       "buttons": [
                 *         {
                 *           "id": "yes",
                 *           "text": "Yes"
                 *         },
                 *         {
                 *           "id": "no",
                 *           "text": "No"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    buttons: {
                        id: string;
                        text: string;
                    }[];
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    footer?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /**
                     * @description `native`: as WhatsApp buttons, which not every phone shows. `text`: as a numbered text. `auto`: what all show
                     * @enum {string}
                     */
                    rendering?: "auto" | "native" | "text";
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    text: string;
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a text with buttons */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "buttons",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendContact: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "name": "Customer service",
                 *       "phoneNumber": "+6281298765432"
                 *     }
                 */
                "application/json": {
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    name: string;
                    /** @description of the contact, in any usual spelling */
                    phoneNumber: string;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a contact card */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "contact",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendDocument: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "document": "https://example.com/file.pdf",
                 *       "filename": "document.pdf"
                 *     }
                 */
                "application/json": {
                    caption?: string;
                    /** @description an https URL, a data: URL, the id of an upload, or (as a form) the file itself */
                    document: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description what the recipient sees; the file's own name when missing */
                    filename?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
                "multipart/form-data": {
                    caption?: string;
                    /** Format: binary */
                    document: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description what the recipient sees; the file's own name when missing */
                    filename?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a document */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "document",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendImage: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "image": "https://example.com/image.jpg",
                 *       "caption": "Check this out!"
                 *     }
                 */
                "application/json": {
                    caption?: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description an https URL, a data: URL, the id of an upload, or (as a form) the file itself */
                    image: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
                "multipart/form-data": {
                    caption?: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** Format: binary */
                    image: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send an image */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "image",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendList: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "text": "What can we do for you?",
                 *       "buttonText": "Menu",
                 *       "sections": [
                 *         {
                 *           "title": "Orders",
                 *           "rows": [
                 *             {
                 *               "id": "track",
                 *               "title": "Track my order"
                 *             }
                 *           ]
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description opens the list where it is shown as one */
                    buttonText: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    footer?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /**
                     * @description `native`: as WhatsApp buttons, which not every phone shows. `text`: as a numbered text. `auto`: what all show
                     * @enum {string}
                     */
                    rendering?: "auto" | "native" | "text";
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    sections: {
                        rows: {
                            description?: string;
                            id: string;
                            title: string;
                        }[];
                        title?: string;
                    }[];
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    text: string;
                    title?: string;
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a list to choose from */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "list",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendLocation: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "latitude": -6.1754,
                 *       "longitude": 106.8272,
                 *       "name": "Monas",
                 *       "address": "Jakarta"
                 *     }
                 */
                "application/json": {
                    address?: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    latitude: number;
                    longitude: number;
                    name?: string;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a location */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "location",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendPoll: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "question": "When shall we deliver?",
                 *       "options": [
                 *         "Morning",
                 *         "Evening"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description more than one option may be chosen */
                    multiple?: boolean;
                    options: string[];
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    question: string;
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a poll */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "poll",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendReaction: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "messageId": "3EB0A1B2C3D4E5F60718293A",
                 *       "emoji": "👍"
                 *     }
                 */
                "application/json": {
                    emoji: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the message it is about, in or out */
                    messageId: string;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description React to a message */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "reaction",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendSticker: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "sticker": "https://example.com/sticker.webp"
                 *     }
                 */
                "application/json": {
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a WebP image, as in `image` of send-image */
                    sticker: string;
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
                "multipart/form-data": {
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** Format: binary */
                    sticker: string;
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a sticker (WebP) */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "sticker",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendText: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "text": "Hello from API!"
                 *     }
                 */
                "application/json": {
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    text: string;
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a text */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "text",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postMessageSendVideo: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason, or 202 when the time runs out; the message goes on then.
                 * @example wait=20
                 */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "my-session",
                 *       "to": "+6281234567890",
                 *       "video": "https://example.com/video.mp4",
                 *       "caption": "Look"
                 *     }
                 */
                "application/json": {
                    caption?: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                    /** @description an https URL, a data: URL, the id of an upload, or (as a form) the file itself */
                    video: string;
                };
                "multipart/form-data": {
                    caption?: string;
                    /** @description not to be sent after: it then ends as `expired` */
                    expiresAt?: string;
                    /** @description `to` is the id of a group */
                    isGroup?: boolean;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    /**
                     * @description `high` overtakes everything that waits; `normal` when missing
                     * @enum {string}
                     */
                    priority?: "high" | "normal" | "low";
                    /** @description answers that message of the same session, in or out */
                    quotedMessageId?: string;
                    /** @description not to be sent before; without a zone it is a time in that of the service (TZ_HOUSEKEEPING) */
                    scheduledAt?: string;
                    /** @description the session that sends */
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description a phone number in any usual spelling, or a group (`…@g.us`) */
                    to: string;
                    /** Format: binary */
                    video: string;
                };
            };
        };
        responses: {
            /** @description Send a video */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Message queued",
                     *       "data": {
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "type": "video",
                     *         "status": "queued",
                     *         "estimatedSendAt": "2026-01-31T08:00:04.000Z",
                     *         "waitingFor": [],
                     *         "scheduledAt": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SentMessage"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics in the text format of Prometheus */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postOtpExpire: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "phoneNumber": "081234567890",
                 *       "sessionId": "main"
                 *     }
                 */
                "application/json": {
                    otpId?: string;
                    /** @description In any usual spelling. */
                    phoneNumber?: string;
                    sessionId?: string;
                };
            };
        };
        responses: {
            /** @description End the open code of a number */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "otpId": "019c1234567870008000a1b2c3d4e5f6",
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "status": "sent",
                     *         "reason": null,
                     *         "attempts": 1,
                     *         "maxAttempts": 3,
                     *         "attemptsLeft": 2,
                     *         "sends": 1,
                     *         "companyName": "Toko Maju",
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "messageStatus": "text",
                     *         "errorCode": null,
                     *         "createdAt": "text",
                     *         "expiresAt": "text",
                     *         "sentAt": "text",
                     *         "verifiedAt": "text",
                     *         "endedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            attempts: number;
                            attemptsLeft: number;
                            companyName: string | null;
                            createdAt: string;
                            endedAt: string | null;
                            errorCode: string | null;
                            expiresAt: string;
                            maxAttempts: number;
                            messageId: string;
                            messageStatus: string | null;
                            otpId: string;
                            phoneNumber: string;
                            reason: string | null;
                            sends: number;
                            sentAt: string | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "pending" | "sent" | "verified" | "expired" | "failed" | "canceled";
                            verifiedAt: string | null;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getOtpGenerate: {
        parameters: {
            query?: {
                /** @example 6 */
                length?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A random code that is stored nowhere */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "otp": "text",
                     *         "length": 6
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            length: number;
                            otp: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postOtpResend: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "phoneNumber": "081234567890",
                 *       "sessionId": "main",
                 *       "companyName": "PT. Contoh"
                 *     }
                 */
                "application/json": {
                    /** @description Fills {company}. */
                    companyName?: string;
                    /** @description Address of the person who asked: it gets limits of its own. */
                    endUserIp?: string;
                    otpId?: string;
                    /** @description In any usual spelling. */
                    phoneNumber?: string;
                    sessionId?: string;
                };
            };
        };
        responses: {
            /** @description Send the open code once more */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "otpId": "019c1234567870008000a1b2c3d4e5f6",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "status": "connected",
                     *         "attempts": 1,
                     *         "maxAttempts": 3,
                     *         "expiresAt": "text",
                     *         "timestamp": "text",
                     *         "otp": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            attempts: number;
                            expiresAt: string;
                            maxAttempts: number;
                            messageId: string;
                            /** @description Only with OTP_RETURN_CODE=true. */
                            otp?: string;
                            otpId: string;
                            session: string;
                            sessionId: string;
                            status: string;
                            timestamp: string;
                            to: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postOtpSend: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session": "main",
                 *       "to": "+6281234567890",
                 *       "companyName": "PT. Contoh",
                 *       "language": "en"
                 *     }
                 */
                "application/json": {
                    /** @description Fills {company}. */
                    companyName?: string;
                    /** @description Address of the person who asked: it gets limits of its own. */
                    endUserIp?: string;
                    /** @description 300 when missing. */
                    expiresInSeconds?: number;
                    /** @description Sessions that send the same code when the first one cannot, in this order. */
                    failoverSessions?: string[];
                    /**
                     * @description Of the default text; id when missing.
                     * @enum {string}
                     */
                    language?: "id" | "en";
                    /** @description Digits; 6 when missing. */
                    length?: number;
                    /** @description 3 when missing. */
                    maxAttempts?: number;
                    /** @description the same with the sessions of a saved pool, by name or id */
                    pool?: string;
                    session?: string;
                    /** @description instead of `session`: one of these sends, the one that the person knows before all others */
                    sessions?: string[];
                    /** @description Name or id of an own template, or a text with {otp}, {company}, {minutes}. */
                    template?: string;
                    /** @description In any usual spelling. */
                    to: string;
                };
            };
        };
        responses: {
            /** @description Send a one-time password */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "otpId": "019c1234567870008000a1b2c3d4e5f6",
                     *         "session": "my-session",
                     *         "sessionId": "my-session",
                     *         "to": "+6281234567890",
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "status": "connected",
                     *         "attempts": 1,
                     *         "maxAttempts": 3,
                     *         "expiresAt": "text",
                     *         "timestamp": "text",
                     *         "otp": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            attempts: number;
                            expiresAt: string;
                            maxAttempts: number;
                            messageId: string;
                            /** @description Only with OTP_RETURN_CODE=true. */
                            otp?: string;
                            otpId: string;
                            session: string;
                            sessionId: string;
                            status: string;
                            timestamp: string;
                            to: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getOtpSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Countries that codes may go to */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "allowedCountries": [
                     *           "ID"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description ISO 3166 codes; null: every country that the service allows. */
                            allowedCountries: string[] | null;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putOtpSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "allowedCountries": [
                 *         "ID",
                 *         "SG"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description ISO 3166 codes; null: every country that the service allows. */
                    allowedCountries: string[] | null;
                };
            };
        };
        responses: {
            /** @description Choose the countries that codes may go to */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "allowedCountries": [
                     *           "ID"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description ISO 3166 codes; null: every country that the service allows. */
                            allowedCountries: string[] | null;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getOtpStatusPhone: {
        parameters: {
            query?: {
                /** @example main */
                sessionId?: string;
            };
            header?: never;
            path: {
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                phone: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What became of the newest code of a number (or of one otpId) */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "otpId": "019c1234567870008000a1b2c3d4e5f6",
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "status": "sent",
                     *         "reason": null,
                     *         "attempts": 1,
                     *         "maxAttempts": 3,
                     *         "attemptsLeft": 2,
                     *         "sends": 1,
                     *         "companyName": "Toko Maju",
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "messageStatus": "text",
                     *         "errorCode": null,
                     *         "createdAt": "text",
                     *         "expiresAt": "text",
                     *         "sentAt": "text",
                     *         "verifiedAt": "text",
                     *         "endedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            attempts: number;
                            attemptsLeft: number;
                            companyName: string | null;
                            createdAt: string;
                            endedAt: string | null;
                            errorCode: string | null;
                            expiresAt: string;
                            maxAttempts: number;
                            messageId: string;
                            messageStatus: string | null;
                            otpId: string;
                            phoneNumber: string;
                            reason: string | null;
                            sends: number;
                            sentAt: string | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "pending" | "sent" | "verified" | "expired" | "failed" | "canceled";
                            verifiedAt: string | null;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getOtpTemplates: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Own OTP templates */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "body": "text",
                     *           "createdAt": "text",
                     *           "updatedAt": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            body: string;
                            createdAt: string;
                            id: string;
                            name: string;
                            updatedAt: string;
                        }[];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postOtpTemplates: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "login",
                 *       "body": "Your {company} code is {otp}. It is valid for {minutes} minutes."
                 *     }
                 */
                "application/json": {
                    /** @description Placeholders: {otp} (required), {company}, {minutes}. */
                    body: string;
                    /** @description What `template` of a send says. */
                    name: string;
                };
            };
        };
        responses: {
            /** @description Save an OTP template */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "body": "text",
                     *         "createdAt": "text",
                     *         "updatedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            body: string;
                            createdAt: string;
                            id: string;
                            name: string;
                            updatedAt: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getOtpTemplatesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One OTP template */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "body": "text",
                     *         "createdAt": "text",
                     *         "updatedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            body: string;
                            createdAt: string;
                            id: string;
                            name: string;
                            updatedAt: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putOtpTemplatesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "body": "Your {company} code is {otp}. It is valid for {minutes} minutes."
                 *     }
                 */
                "application/json": {
                    /** @description Placeholders: {otp} (required), {company}, {minutes}. */
                    body?: string;
                    /** @description What `template` of a send says. */
                    name?: string;
                };
            };
        };
        responses: {
            /** @description Change an OTP template */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "body": "text",
                     *         "createdAt": "text",
                     *         "updatedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            body: string;
                            createdAt: string;
                            id: string;
                            name: string;
                            updatedAt: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteOtpTemplatesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete an OTP template */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            id: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postOtpVerify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "phoneNumber": "081234567890",
                 *       "otp": "123456",
                 *       "sessionId": "main"
                 *     }
                 */
                "application/json": {
                    /** @description Address of the person who asked: it gets limits of its own. */
                    endUserIp?: string;
                    /** @description What the person typed, as a string. */
                    otp: string;
                    otpId?: string;
                    /** @description In any usual spelling. */
                    phoneNumber?: string;
                    sessionId?: string;
                };
            };
        };
        responses: {
            /** @description Check a code */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "otpId": "019c1234567870008000a1b2c3d4e5f6",
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "status": "verified",
                     *         "verified": true,
                     *         "verifiedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            otpId: string;
                            phoneNumber: string;
                            sessionId: string;
                            /** @constant */
                            status: "verified";
                            /** @constant */
                            verified: true;
                            verifiedAt: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putPlanPlanId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                planId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "limits": {
                 *         "messagesPerMonth": 20000
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @description what is missing is as the service has it; messages are those of a day or month in UTC */
                    limits?: {
                        apiKeys?: number;
                        contacts?: number;
                        importsRunning?: number;
                        keysInGrace?: number;
                        lists?: number;
                        members?: number;
                        messagesPerDay?: number;
                        messagesPerMonth?: number;
                        otpsPerHour?: number;
                        otpTemplates?: number;
                        requestsPerMinute?: number;
                        sessions?: number;
                        storedBytes?: number;
                        storedFiles?: number;
                        templates?: number;
                        uploadsInFlight?: number;
                        webhooks?: number;
                    };
                    name?: string;
                };
            };
        };
        responses: {
            /** @description Change a plan */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "limits": {
                     *           "my-session": 1
                     *         },
                     *         "workspaces": 1,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Plan"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deletePlanPlanId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                planId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete a plan that no workspace has */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postPlanCreate: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Starter",
                 *       "limits": {
                 *         "sessions": 2,
                 *         "messagesPerMonth": 10000
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @description what is missing is as the service has it; messages are those of a day or month in UTC */
                    limits: {
                        apiKeys?: number;
                        contacts?: number;
                        importsRunning?: number;
                        keysInGrace?: number;
                        lists?: number;
                        members?: number;
                        messagesPerDay?: number;
                        messagesPerMonth?: number;
                        otpsPerHour?: number;
                        otpTemplates?: number;
                        requestsPerMinute?: number;
                        sessions?: number;
                        storedBytes?: number;
                        storedFiles?: number;
                        templates?: number;
                        uploadsInFlight?: number;
                        webhooks?: number;
                    };
                    name: string;
                };
            };
        };
        responses: {
            /** @description Make a plan */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "limits": {
                     *           "my-session": 1
                     *         },
                     *         "workspaces": 1,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Plan"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getPlanList: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the plans */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "limits": {
                     *             "my-session": 1
                     *           },
                     *           "workspaces": 1,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Plan"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getPoolPoolId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description id or name
                 * @example shops
                 */
                poolId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One sender pool */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "sessions": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected"
                     *           }
                     *         ],
                     *         "createdAt": "text",
                     *         "updatedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SenderPool"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putPoolPoolId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description id or name
                 * @example shops
                 */
                poolId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "sessions": [
                 *         "my-session"
                 *       ]
                 *     }
                 */
                "application/json": {
                    name?: string;
                    sessions?: string[];
                };
            };
        };
        responses: {
            /** @description Change a sender pool */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "sessions": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected"
                     *           }
                     *         ],
                     *         "createdAt": "text",
                     *         "updatedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SenderPool"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deletePoolPoolId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description id or name
                 * @example shops
                 */
                poolId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete a sender pool */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postPoolCreate: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "shops",
                 *       "sessions": [
                 *         "my-session"
                 *       ]
                 *     }
                 */
                "application/json": {
                    name: string;
                    sessions: string[];
                };
            };
        };
        responses: {
            /** @description Make a sender pool */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "sessions": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected"
                     *           }
                     *         ],
                     *         "createdAt": "text",
                     *         "updatedAt": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SenderPool"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getPoolList: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List sender pools */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "sessions": [
                     *             {
                     *               "sessionId": "my-session",
                     *               "status": "connected"
                     *             }
                     *           ],
                     *           "createdAt": "text",
                     *           "updatedAt": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SenderPool"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getRequests: {
        parameters: {
            query?: {
                cursor?: string;
                /** @description calls with this API key */
                keyId?: string;
                limit?: number;
                /** @description calls about this message */
                messageId?: string;
                method?: "GET" | "POST" | "PUT" | "DELETE";
                /** @description a part of the path */
                path?: string;
                /** @description the `x-request-id` of an answer */
                requestId?: string;
                sessionId?: string;
                since?: string;
                /**
                 * @description `404`, or `4xx` for all of them
                 * @example 4xx
                 */
                status?: string;
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List API calls */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "method": "text",
                     *           "route": "text",
                     *           "path": "text",
                     *           "status": 1,
                     *           "durationMs": 1,
                     *           "errorCode": null,
                     *           "via": "jwt",
                     *           "keyId": "text",
                     *           "keyName": "text",
                     *           "requestId": "5f0c2a9e7b1d4c86",
                     *           "sessionId": "my-session",
                     *           "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *           "at": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["ApiRequest"][];
                        nextCursor: string | null;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getRequestsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Read one API call with its bodies */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "method": "text",
                     *         "route": "text",
                     *         "path": "text",
                     *         "status": 1,
                     *         "durationMs": 1,
                     *         "errorCode": null,
                     *         "via": "jwt",
                     *         "keyId": "text",
                     *         "keyName": "text",
                     *         "requestId": "5f0c2a9e7b1d4c86",
                     *         "sessionId": "my-session",
                     *         "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *         "at": "2026-01-31T08:00:00.000Z",
                     *         "request": "text",
                     *         "response": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["ApiRequestDetail"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getRequestsSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the log of API calls keeps */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "keepBodies": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description whether requests and answers are kept, without secrets and contents */
                            keepBodies: boolean;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putRequestsSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "keepBodies": false
                 *     }
                 */
                "application/json": {
                    /** @description whether requests and answers are kept, without secrets and contents */
                    keepBodies: boolean;
                };
            };
        };
        responses: {
            /** @description Choose what the log of API calls keeps */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "keepBodies": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description whether requests and answers are kept, without secrets and contents */
                            keepBodies: boolean;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "label": "Toko",
                 *       "proxy": "socks5://user:password@proxy.example.com:1080"
                 *     }
                 */
                "application/json": {
                    browser?: components["schemas"]["SessionBrowser"] | null;
                    /** @description a name for people; null: none */
                    label?: string | null;
                    proxy?: string | null;
                };
            };
        };
        responses: {
            /** @description Change label, proxy and browser */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "expectedPhone": "text",
                     *         "name": "Budi",
                     *         "label": "text",
                     *         "status": "connected",
                     *         "reason": null,
                     *         "restriction": {
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "kind": "text"
                     *         },
                     *         "userId": 1,
                     *         "lastSeen": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "isConnected": true,
                     *         "user": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "phone": "+6281234567890"
                     *         },
                     *         "connectedAt": "2026-01-31T08:00:00.000Z",
                     *         "disconnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "qrGenerated": "2026-01-31T08:00:00.000Z",
                     *         "deviceInfo": {},
                     *         "errorMessage": null,
                     *         "proxy": {
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *           "hasCredentials": true
                     *         },
                     *         "browser": {
                     *           "name": "Budi",
                     *           "platform": "chrome"
                     *         },
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "pauseReason": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description null: as the service’s own */
                            browser: {
                                /** @description what the phone shows, such as the name of a shop or `Mac OS` */
                                name: string;
                                /**
                                 * @description as which program it is shown
                                 * @default chrome
                                 * @enum {string}
                                 */
                                platform: "chrome" | "firefox" | "edge" | "safari" | "opera" | "desktop";
                            } | null;
                            connectedAt: string | null;
                            /** Format: date-time */
                            createdAt: string;
                            deviceInfo: {
                                [key: string]: unknown;
                            } | null;
                            disconnectedAt: string | null;
                            errorMessage: string | null;
                            /** @description the only phone that may link; null: any */
                            expectedPhone: string | null;
                            isConnected: boolean;
                            /** @description what its owner calls it */
                            label: string | null;
                            lastSeen: string | null;
                            name: string | null;
                            /** @description until when a limit, a person, or to new recipients the breaker, holds the queue; null also until it is resumed */
                            pausedUntil: string | null;
                            /** @description e.g. paused, hour_limit, quiet_hours, breaker_463; null: nothing holds it */
                            pauseReason: string | null;
                            /** @description the phone that is linked; null before one was */
                            phoneNumber: string | null;
                            /** @description the proxy that it goes through, without user and password */
                            proxy: {
                                hasCredentials: boolean;
                                /** @description null: no key opens it, and nothing goes out */
                                url: string | null;
                            } | null;
                            /** @description when the latest QR code of a running pairing was made */
                            qrGenerated: string | null;
                            /** @description why it is not connected, e.g. client_outdated */
                            reason: string | null;
                            /** @description WhatsApp does not let the account start new chats; null: it does */
                            restriction: {
                                /** @description WhatsApp's own name of the kind */
                                kind: string;
                                /** Format: date-time */
                                since: string;
                                /**
                                 * Format: date-time
                                 * @description until then only people who know the session are written to
                                 */
                                until: string;
                            } | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                            /** Format: date-time */
                            updatedAt: string;
                            /** @description the linked WhatsApp account */
                            user: {
                                id: string;
                                name: string | null;
                                phone: string;
                            } | null;
                            userId: number;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Unlink the phone and forget the session */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            sessionId: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastCampaigns: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
                status?: "scheduled" | "running" | "paused" | "stopped" | "completed" | "failed";
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Campaigns of a session, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *           "name": "Budi",
                     *           "campaignName": "text",
                     *           "sessionId": "my-session",
                     *           "senders": [
                     *             {
                     *               "sessionId": "my-session",
                     *               "status": "connected",
                     *               "queued": 1,
                     *               "sent": 1,
                     *               "delivered": 1,
                     *               "read": 1,
                     *               "failed": 1
                     *             }
                     *           ],
                     *           "poolId": "text",
                     *           "status": "completed",
                     *           "reason": null,
                     *           "reasonMessage": "text",
                     *           "waitingFor": "text",
                     *           "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *           "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *           "templateId": "text",
                     *           "type": "text",
                     *           "content": null,
                     *           "delayBetweenMessages": 1,
                     *           "options": {},
                     *           "totalContacts": 1,
                     *           "statistics": {
                     *             "total": 1,
                     *             "pending": 1,
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1,
                     *             "skipped": 1,
                     *             "progressPercent": 1,
                     *             "ratePerMinute": 1,
                     *             "etaSeconds": 1,
                     *             "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *           },
                     *           "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *           "timezone": "Asia/Jakarta",
                     *           "cron": "text",
                     *           "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *           "originId": "text",
                     *           "origin": "text",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "startedAt": "2026-01-31T08:00:00.000Z",
                     *           "pausedAt": "2026-01-31T08:00:00.000Z",
                     *           "resumedAt": "2026-01-31T08:00:00.000Z",
                     *           "finishedAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastCampaignsId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One campaign with its statistics, exact at this moment */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "campaignName": "text",
                     *         "sessionId": "my-session",
                     *         "senders": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected",
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "poolId": "text",
                     *         "status": "completed",
                     *         "reason": null,
                     *         "reasonMessage": "text",
                     *         "waitingFor": "text",
                     *         "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "templateId": "text",
                     *         "type": "text",
                     *         "content": null,
                     *         "delayBetweenMessages": 1,
                     *         "options": {},
                     *         "totalContacts": 1,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "queued": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "progressPercent": 1,
                     *           "ratePerMinute": 1,
                     *           "etaSeconds": 1,
                     *           "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "cron": "text",
                     *         "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *         "originId": "text",
                     *         "origin": "text",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "startedAt": "2026-01-31T08:00:00.000Z",
                     *         "pausedAt": "2026-01-31T08:00:00.000Z",
                     *         "resumedAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdBroadcastCampaignsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "message": "Halo lagi, {name|Kak}!"
                 *     }
                 */
                "application/json": {
                    campaignName?: string;
                    /** @description look numbers up at WhatsApp before writing to them */
                    checkNumbers?: boolean;
                    /** @description the fields of a send of that type, or the text */
                    content?: string | {
                        [key: string]: unknown;
                    };
                    /** @description campaign messages of each session a day */
                    dailyCap?: number;
                    /** @description the same as `delayBetweenMessages` */
                    delay?: number;
                    /** @description milliseconds between two messages of the campaign, whichever session sends; a session's own pace counts when it is slower */
                    delayBetweenMessages?: number;
                    /** @description share of failures among the last 100 messages at which it pauses itself */
                    failurePercent?: number;
                    /** @description the text, or the caption; `{name}`, `{number}` and every column */
                    message?: string;
                    /** @description the same as `content` */
                    messageContent?: string | {
                        [key: string]: unknown;
                    };
                    /** @description the same as `type` */
                    messageType?: string;
                    /** @description null: none any more */
                    quietHours?: {
                        from: string;
                        to: string;
                    } | null;
                    /** @description ISO 8601; without an offset a time in `timezone` */
                    scheduledAt?: string;
                    /** @description a saved text instead of `message` */
                    templateId?: string;
                    /** @description IANA name, for `scheduledAt` without offset and for `cron` */
                    timezone?: string;
                    /** @description `text` when missing; otherwise as the sends */
                    type?: string;
                    /** @description fewer people a day who do not know the session, while its link is young */
                    warmUp?: boolean;
                };
            };
        };
        responses: {
            /** @description Change a campaign that is paused or has not begun */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "campaignName": "text",
                     *         "sessionId": "my-session",
                     *         "senders": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected",
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "poolId": "text",
                     *         "status": "completed",
                     *         "reason": null,
                     *         "reasonMessage": "text",
                     *         "waitingFor": "text",
                     *         "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "templateId": "text",
                     *         "type": "text",
                     *         "content": null,
                     *         "delayBetweenMessages": 1,
                     *         "options": {},
                     *         "totalContacts": 1,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "queued": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "progressPercent": 1,
                     *           "ratePerMinute": 1,
                     *           "etaSeconds": 1,
                     *           "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "cron": "text",
                     *         "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *         "originId": "text",
                     *         "origin": "text",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "startedAt": "2026-01-31T08:00:00.000Z",
                     *         "pausedAt": "2026-01-31T08:00:00.000Z",
                     *         "resumedAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastCampaignsIdClone: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "campaignName": "Once more"
                 *     }
                 */
                "application/json": {
                    campaignName?: string;
                    /** @description ISO 8601; without an offset a time in `timezone` */
                    scheduledAt?: string;
                    /** @description IANA name, for `scheduledAt` without offset and for `cron` */
                    timezone?: string;
                };
            };
        };
        responses: {
            /** @description Make another campaign of the same content, recipients and settings */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "status": "completed",
                     *         "totalContacts": 1,
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "invalid": 1,
                     *         "duplicates": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MadeCampaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastCampaignsIdPause: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Pause a campaign */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "campaignName": "text",
                     *         "sessionId": "my-session",
                     *         "senders": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected",
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "poolId": "text",
                     *         "status": "completed",
                     *         "reason": null,
                     *         "reasonMessage": "text",
                     *         "waitingFor": "text",
                     *         "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "templateId": "text",
                     *         "type": "text",
                     *         "content": null,
                     *         "delayBetweenMessages": 1,
                     *         "options": {},
                     *         "totalContacts": 1,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "queued": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "progressPercent": 1,
                     *           "ratePerMinute": 1,
                     *           "etaSeconds": 1,
                     *           "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "cron": "text",
                     *         "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *         "originId": "text",
                     *         "origin": "text",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "startedAt": "2026-01-31T08:00:00.000Z",
                     *         "pausedAt": "2026-01-31T08:00:00.000Z",
                     *         "resumedAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastCampaignsIdRecipients: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                /** @description only those in this state */
                state?: "pending" | "queued" | "sent" | "delivered" | "read" | "failed" | "skipped";
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What became of each recipient, in the order of sending */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "number": "+6281234567890",
                     *           "name": "Budi",
                     *           "state": "queued",
                     *           "reason": null,
                     *           "reasonMessage": "text",
                     *           "variant": "text",
                     *           "messageId": "3EB0A1B2C3D4E5F60718293A",
                     *           "sessionId": "my-session",
                     *           "queuedAt": "2026-01-31T08:00:00.000Z",
                     *           "sentAt": "2026-01-31T08:00:00.000Z",
                     *           "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *           "readAt": "2026-01-31T08:00:00.000Z",
                     *           "failedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["CampaignRecipient"][];
                        nextCursor: string | null;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastCampaignsIdReport: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Funnel, failures by reason, and what happened when */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "campaign": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *           "name": "Budi",
                     *           "campaignName": "text",
                     *           "sessionId": "my-session",
                     *           "senders": [
                     *             {
                     *               "sessionId": "my-session",
                     *               "status": "connected",
                     *               "queued": 1,
                     *               "sent": 1,
                     *               "delivered": 1,
                     *               "read": 1,
                     *               "failed": 1
                     *             }
                     *           ],
                     *           "poolId": "text",
                     *           "status": "completed",
                     *           "reason": null,
                     *           "reasonMessage": "text",
                     *           "waitingFor": "text",
                     *           "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *           "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *           "templateId": "text",
                     *           "type": "text",
                     *           "content": null,
                     *           "delayBetweenMessages": 1,
                     *           "options": {},
                     *           "totalContacts": 1,
                     *           "statistics": {
                     *             "total": 1,
                     *             "pending": 1,
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1,
                     *             "skipped": 1,
                     *             "progressPercent": 1,
                     *             "ratePerMinute": 1,
                     *             "etaSeconds": 1,
                     *             "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *           },
                     *           "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *           "timezone": "Asia/Jakarta",
                     *           "cron": "text",
                     *           "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *           "originId": "text",
                     *           "origin": "text",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "startedAt": "2026-01-31T08:00:00.000Z",
                     *           "pausedAt": "2026-01-31T08:00:00.000Z",
                     *           "resumedAt": "2026-01-31T08:00:00.000Z",
                     *           "finishedAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "funnel": {
                     *           "recipients": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "replied": 1
                     *         },
                     *         "failuresByReason": [
                     *           {
                     *             "reason": "text",
                     *             "message": "Done",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "skippedByReason": [
                     *           {
                     *             "reason": "text",
                     *             "message": "Done",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "byHour": [
                     *           {
                     *             "hour": "2026-01-31T08:00:00.000Z",
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "byVariant": [
                     *           {
                     *             "variant": "text",
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1
                     *           }
                     *         ],
                     *         "generatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["CampaignReport"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastCampaignsIdResume: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Resume a paused campaign, or begin a clone */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "campaignName": "text",
                     *         "sessionId": "my-session",
                     *         "senders": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected",
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "poolId": "text",
                     *         "status": "completed",
                     *         "reason": null,
                     *         "reasonMessage": "text",
                     *         "waitingFor": "text",
                     *         "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "templateId": "text",
                     *         "type": "text",
                     *         "content": null,
                     *         "delayBetweenMessages": 1,
                     *         "options": {},
                     *         "totalContacts": 1,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "queued": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "progressPercent": 1,
                     *           "ratePerMinute": 1,
                     *           "etaSeconds": 1,
                     *           "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "cron": "text",
                     *         "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *         "originId": "text",
                     *         "origin": "text",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "startedAt": "2026-01-31T08:00:00.000Z",
                     *         "pausedAt": "2026-01-31T08:00:00.000Z",
                     *         "resumedAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastCampaignsIdRetryFailed: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Send what failed once more */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "campaignName": "text",
                     *         "sessionId": "my-session",
                     *         "senders": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected",
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "poolId": "text",
                     *         "status": "completed",
                     *         "reason": null,
                     *         "reasonMessage": "text",
                     *         "waitingFor": "text",
                     *         "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "templateId": "text",
                     *         "type": "text",
                     *         "content": null,
                     *         "delayBetweenMessages": 1,
                     *         "options": {},
                     *         "totalContacts": 1,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "queued": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "progressPercent": 1,
                     *           "ratePerMinute": 1,
                     *           "etaSeconds": 1,
                     *           "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "cron": "text",
                     *         "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *         "originId": "text",
                     *         "origin": "text",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "startedAt": "2026-01-31T08:00:00.000Z",
                     *         "pausedAt": "2026-01-31T08:00:00.000Z",
                     *         "resumedAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastCampaignsIdStop: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Stop a campaign for good */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "campaignName": "text",
                     *         "sessionId": "my-session",
                     *         "senders": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "status": "connected",
                     *             "queued": 1,
                     *             "sent": 1,
                     *             "delivered": 1,
                     *             "read": 1,
                     *             "failed": 1
                     *           }
                     *         ],
                     *         "poolId": "text",
                     *         "status": "completed",
                     *         "reason": null,
                     *         "reasonMessage": "text",
                     *         "waitingFor": "text",
                     *         "waitingUntil": "2026-01-31T08:00:00.000Z",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "templateId": "text",
                     *         "type": "text",
                     *         "content": null,
                     *         "delayBetweenMessages": 1,
                     *         "options": {},
                     *         "totalContacts": 1,
                     *         "statistics": {
                     *           "total": 1,
                     *           "pending": 1,
                     *           "queued": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "progressPercent": 1,
                     *           "ratePerMinute": 1,
                     *           "etaSeconds": 1,
                     *           "estimatedFinishAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "cron": "text",
                     *         "nextRunAt": "2026-01-31T08:00:00.000Z",
                     *         "originId": "text",
                     *         "origin": "text",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "startedAt": "2026-01-31T08:00:00.000Z",
                     *         "pausedAt": "2026-01-31T08:00:00.000Z",
                     *         "resumedAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Campaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastEstimate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "numbers": [
                 *         "6281234567890"
                 *       ],
                 *       "delayBetweenMessages": 2000,
                 *       "dailyCap": 500
                 *     }
                 */
                "application/json": {
                    /** @description look numbers up at WhatsApp before writing to them */
                    checkNumbers?: boolean;
                    /** @description five fields: a campaign of its own each time, to whoever is on the list then */
                    cron?: string;
                    /** @description campaign messages of each session a day */
                    dailyCap?: number;
                    /** @description the same as `delayBetweenMessages` */
                    delay?: number;
                    /** @description milliseconds between two messages of the campaign, whichever session sends; a session's own pace counts when it is slower */
                    delayBetweenMessages?: number;
                    /** @description share of failures among the last 100 messages at which it pauses itself */
                    failurePercent?: number;
                    listId?: string;
                    /** @description the text, or the caption; `{name}`, `{number}` and every column */
                    message?: string;
                    numbers?: (string | number)[];
                    /** @description the same with the sessions of a saved pool as they are now, by name or id */
                    pool?: string;
                    /** @description nothing is sent between these times of the recipient's day */
                    quietHours?: {
                        from: string;
                        to: string;
                    };
                    /** @description ISO 8601; without an offset a time in `timezone` */
                    scheduledAt?: string;
                    /** @description several sessions send it, that of the address among them: each recipient gets it from the one that they know, or from one that has room */
                    sessions?: string[];
                    /** @description a saved text instead of `message` */
                    templateId?: string;
                    /** @description IANA name, for `scheduledAt` without offset and for `cron` */
                    timezone?: string;
                    /** @description fewer people a day who do not know the session, while its link is young */
                    warmUp?: boolean;
                };
            };
        };
        responses: {
            /** @description What a campaign would be, without making it */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "recipients": 1,
                     *         "invalid": 1,
                     *         "duplicates": 1,
                     *         "optedOut": 1,
                     *         "ratePerMinute": 1,
                     *         "perHour": 1,
                     *         "perDay": 1,
                     *         "strangers": 1,
                     *         "neverContacted": 1,
                     *         "newContactsDays": 1,
                     *         "missing": [
                     *           {
                     *             "placeholder": "text",
                     *             "contacts": 1
                     *           }
                     *         ],
                     *         "lookedThrough": 1,
                     *         "newContactsPerDay": 1,
                     *         "limitedBy": "pace",
                     *         "quietMinutes": 1,
                     *         "startsAt": "2026-01-31T08:00:00.000Z",
                     *         "durationSeconds": 1,
                     *         "finishesAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["CampaignEstimate"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastExportCampaignId: {
        parameters: {
            query?: {
                format?: "csv" | "json" | "html";
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The report of a campaign as a file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastExportContactsListId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The contacts of a list as CSV */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastImportsId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far an import is */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "importId": "text",
                     *         "kind": "contacts",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "status": "completed",
                     *         "fileName": "text",
                     *         "sizeBytes": 1,
                     *         "format": "csv",
                     *         "encoding": "text",
                     *         "delimiter": "text",
                     *         "columns": [
                     *           "text"
                     *         ],
                     *         "warnings": [
                     *           {
                     *             "code": "text",
                     *             "message": "Done"
                     *           }
                     *         ],
                     *         "total": 1,
                     *         "processed": 1,
                     *         "percent": 1,
                     *         "added": 1,
                     *         "updated": 1,
                     *         "duplicates": 1,
                     *         "invalid": 1,
                     *         "repaired": 1,
                     *         "errors": [
                     *           {
                     *             "line": 1,
                     *             "kind": "invalid",
                     *             "code": "text",
                     *             "number": "+6281234567890",
                     *             "readings": [
                     *               "text"
                     *             ],
                     *             "reason": "text"
                     *           }
                     *         ],
                     *         "preview": {
                     *           "columns": [
                     *             "text"
                     *           ],
                     *           "sample": [
                     *             [
                     *               "text"
                     *             ]
                     *           ]
                     *         },
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["ContactImport"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastImportsIdErrors: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every line that was refused, left out or repaired, as CSV */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastImportsIdEvents: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far an import is, as Server-Sent Events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastLists: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
                search?: string;
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Broadcast lists, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "description": "text",
                     *           "contactCount": 1,
                     *           "columns": [
                     *             "text"
                     *           ],
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastList"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastLists: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Customer List",
                 *       "description": "Daftar pelanggan aktif"
                 *     }
                 */
                "application/json": {
                    description?: string | null;
                    name: string;
                };
            };
        };
        responses: {
            /** @description Make a broadcast list */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "description": "text",
                     *         "contactCount": 1,
                     *         "columns": [
                     *           "text"
                     *         ],
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastList"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastListsListId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One broadcast list */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "description": "text",
                     *         "contactCount": 1,
                     *         "columns": [
                     *           "text"
                     *         ],
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastList"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdBroadcastListsListId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "VIP"
                 *     }
                 */
                "application/json": {
                    description?: string | null;
                    name?: string;
                };
            };
        };
        responses: {
            /** @description Change a broadcast list */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "description": "text",
                     *         "contactCount": 1,
                     *         "columns": [
                     *           "text"
                     *         ],
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastList"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionIdBroadcastListsListId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete a broadcast list with its contacts */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            id: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastListsListIdContacts: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                page?: number;
                search?: string;
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Contacts of a list, in the order of their numbers */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "number": "+6281234567890",
                     *           "phone": "+6281234567890",
                     *           "name": "Budi",
                     *           "fields": {
                     *             "my-session": "text"
                     *           },
                     *           "optedOut": true,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       },
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastContact"][];
                        nextCursor: string | null;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastListsListIdContacts: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "John Doe",
                 *       "number": "6281234567890",
                 *       "email": "john@example.com"
                 *     }
                 */
                "application/json": {
                    /** @description Several at once, instead of `number` and the rest. */
                    contacts?: {
                        [key: string]: unknown;
                    }[];
                    /** @description Custom fields, by name. */
                    fields?: {
                        [key: string]: unknown;
                    };
                    name?: string | null;
                    /** @description In any usual spelling. */
                    number?: string | number;
                } & {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description Add a contact, or up to 1,000 */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {}
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            [key: string]: unknown;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastListsListIdContactsNumber: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                number: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One contact */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "number": "+6281234567890",
                     *         "phone": "+6281234567890",
                     *         "name": "Budi",
                     *         "fields": {
                     *           "my-session": "text"
                     *         },
                     *         "optedOut": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastContact"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdBroadcastListsListIdContactsNumber: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                number: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "John D.",
                 *       "city": "Bandung"
                 *     }
                 */
                "application/json": {
                    /** @description Custom fields, by name. */
                    fields?: {
                        [key: string]: unknown;
                    };
                    name?: string | null;
                    number?: string | number;
                } & {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description Change a contact */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "number": "+6281234567890",
                     *         "phone": "+6281234567890",
                     *         "name": "Budi",
                     *         "fields": {
                     *           "my-session": "text"
                     *         },
                     *         "optedOut": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastContact"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionIdBroadcastListsListIdContactsNumber: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                number: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take a contact off a list */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "number": "+6281234567890"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            number: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastListsListIdContactsBulk: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
                /**
                 * @description `respond-async`: 202 at once, with an address to ask how far it is.
                 * @example respond-async
                 */
                Prefer?: string;
            };
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                listId: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "file": "data:text/csv;base64,bmFtZSxudW1iZXIKSm9obiBEb2UsNjI4MTIzNDU2Nzg5Cg=="
                 *     }
                 */
                "application/json": {
                    /** @description Another name of `file`. */
                    csvFile?: string;
                    /** @description what the file is written in, when it is not UTF-8 and not marked */
                    encoding?: string;
                    /** @description The CSV file, as a part of a form or as a data: URL. */
                    file?: string;
                    /** @description which columns hold what, when the first line does not say it; as JSON in a form */
                    mapping?: {
                        /** @description false: the first line is a contact already */
                        header?: boolean;
                        name?: string | number;
                        /** @description the column of the numbers: its name, or its place from 1 */
                        number?: string | number;
                    };
                    /**
                     * @description what numbers without + and without a 0 in front are: at `home` (a spreadsheet has taken their 0), or `international` with their country code. `auto` (default): the column tells, and a number that stays open is refused with both readings
                     * @enum {string}
                     */
                    numbers?: "auto" | "home" | "international";
                };
                "multipart/form-data": {
                    /** Format: binary */
                    csvFile?: string;
                    /** @description what the file is written in, when it is not UTF-8 and not marked */
                    encoding?: string;
                    /** Format: binary */
                    file?: string;
                    /** @description which columns hold what, when the first line does not say it; as JSON in a form */
                    mapping?: {
                        /** @description false: the first line is a contact already */
                        header?: boolean;
                        name?: string | number;
                        /** @description the column of the numbers: its name, or its place from 1 */
                        number?: string | number;
                    };
                    /**
                     * @description what numbers without + and without a 0 in front are: at `home` (a spreadsheet has taken their 0), or `international` with their country code. `auto` (default): the column tells, and a number that stays open is refused with both readings
                     * @enum {string}
                     */
                    numbers?: "auto" | "home" | "international";
                };
            };
        };
        responses: {
            /** @description Import contacts from a CSV, Excel (.xlsx) or vCard file */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    "Preference-Applied": components["headers"]["PreferenceApplied"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "importId": "text",
                     *         "kind": "contacts",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "status": "completed",
                     *         "fileName": "text",
                     *         "sizeBytes": 1,
                     *         "format": "csv",
                     *         "encoding": "text",
                     *         "delimiter": "text",
                     *         "columns": [
                     *           "text"
                     *         ],
                     *         "warnings": [
                     *           {
                     *             "code": "text",
                     *             "message": "Done"
                     *           }
                     *         ],
                     *         "total": 1,
                     *         "processed": 1,
                     *         "percent": 1,
                     *         "added": 1,
                     *         "updated": 1,
                     *         "duplicates": 1,
                     *         "invalid": 1,
                     *         "repaired": 1,
                     *         "errors": [
                     *           {
                     *             "line": 1,
                     *             "kind": "invalid",
                     *             "code": "text",
                     *             "number": "+6281234567890",
                     *             "readings": [
                     *               "text"
                     *             ],
                     *             "reason": "text"
                     *           }
                     *         ],
                     *         "preview": {
                     *           "columns": [
                     *             "text"
                     *           ],
                     *           "sample": [
                     *             [
                     *               "text"
                     *             ]
                     *           ]
                     *         },
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["ContactImport"] | {
                            /** @description opens without a credential for a day */
                            eventsUrl: string;
                            importId: string;
                            /** @constant */
                            status: "running";
                            statusUrl: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastOptOuts: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
                search?: string;
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Numbers that want no broadcasts, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "number": "+6281234567890",
                     *           "source": "message",
                     *           "word": "text",
                     *           "note": "text",
                     *           "sessionId": "my-session",
                     *           "createdAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["OptOut"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastOptOuts: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "number": "6281234567890",
                 *       "note": "asked by phone"
                 *     }
                 */
                "application/json": {
                    note?: string | null;
                    /** @description In any usual spelling. */
                    number?: string;
                    numbers?: string[];
                };
            };
        };
        responses: {
            /** @description Add numbers that want no broadcasts */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "added": 1,
                     *         "existing": 1,
                     *         "numbers": [
                     *           "+6281234567890"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            added: number;
                            existing: number;
                            numbers: string[];
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastOptOutsNumber: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                number: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether a number has opted out */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "number": "+6281234567890",
                     *         "source": "message",
                     *         "word": "text",
                     *         "note": "text",
                     *         "sessionId": "my-session",
                     *         "createdAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["OptOut"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdBroadcastOptOutsNumber: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                number: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "note": "asked by phone"
                 *     }
                 */
                "application/json": {
                    note: string | null;
                };
            };
        };
        responses: {
            /** @description Change the note of an opt-out */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "number": "+6281234567890",
                     *         "source": "message",
                     *         "word": "text",
                     *         "note": "text",
                     *         "sessionId": "my-session",
                     *         "createdAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["OptOut"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionIdBroadcastOptOutsNumber: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description In any usual spelling.
                 * @example 6281234567890
                 */
                number: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let a number get broadcasts again */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "number": "+6281234567890"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            number: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastOptOutsExport: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All opt-outs as CSV */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastOptOutsImport: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "file": "data:text/csv;base64,bmFtZSxudW1iZXIKSm9obiBEb2UsNjI4MTIzNDU2Nzg5Cg=="
                 *     }
                 */
                "application/json": {
                    /** @description Another name of `file`. */
                    csvFile?: string;
                    /** @description what the file is written in, when it is not UTF-8 and not marked */
                    encoding?: string;
                    /** @description The CSV file, as a part of a form or as a data: URL. */
                    file?: string;
                    /** @description which columns hold what, when the first line does not say it; as JSON in a form */
                    mapping?: {
                        /** @description false: the first line is a contact already */
                        header?: boolean;
                        name?: string | number;
                        /** @description the column of the numbers: its name, or its place from 1 */
                        number?: string | number;
                    };
                    /**
                     * @description what numbers without + and without a 0 in front are: at `home` (a spreadsheet has taken their 0), or `international` with their country code. `auto` (default): the column tells, and a number that stays open is refused with both readings
                     * @enum {string}
                     */
                    numbers?: "auto" | "home" | "international";
                };
                "multipart/form-data": {
                    /** Format: binary */
                    csvFile?: string;
                    /** @description what the file is written in, when it is not UTF-8 and not marked */
                    encoding?: string;
                    /** Format: binary */
                    file?: string;
                    /** @description which columns hold what, when the first line does not say it; as JSON in a form */
                    mapping?: {
                        /** @description false: the first line is a contact already */
                        header?: boolean;
                        name?: string | number;
                        /** @description the column of the numbers: its name, or its place from 1 */
                        number?: string | number;
                    };
                    /**
                     * @description what numbers without + and without a 0 in front are: at `home` (a spreadsheet has taken their 0), or `international` with their country code. `auto` (default): the column tells, and a number that stays open is refused with both readings
                     * @enum {string}
                     */
                    numbers?: "auto" | "home" | "international";
                };
            };
        };
        responses: {
            /** @description Import opt-outs from a CSV file */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "importId": "text",
                     *         "kind": "contacts",
                     *         "listId": "019c1234567870008000a1b2c3d4e5f8",
                     *         "status": "completed",
                     *         "fileName": "text",
                     *         "sizeBytes": 1,
                     *         "format": "csv",
                     *         "encoding": "text",
                     *         "delimiter": "text",
                     *         "columns": [
                     *           "text"
                     *         ],
                     *         "warnings": [
                     *           {
                     *             "code": "text",
                     *             "message": "Done"
                     *           }
                     *         ],
                     *         "total": 1,
                     *         "processed": 1,
                     *         "percent": 1,
                     *         "added": 1,
                     *         "updated": 1,
                     *         "duplicates": 1,
                     *         "invalid": 1,
                     *         "repaired": 1,
                     *         "errors": [
                     *           {
                     *             "line": 1,
                     *             "kind": "invalid",
                     *             "code": "text",
                     *             "number": "+6281234567890",
                     *             "readings": [
                     *               "text"
                     *             ],
                     *             "reason": "text"
                     *           }
                     *         ],
                     *         "preview": {
                     *           "columns": [
                     *             "text"
                     *           ],
                     *           "sample": [
                     *             [
                     *               "text"
                     *             ]
                     *           ]
                     *         },
                     *         "errorCode": null,
                     *         "errorMessage": null,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "finishedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["ContactImport"] | {
                            /** @description opens without a credential for a day */
                            eventsUrl: string;
                            importId: string;
                            /** @constant */
                            status: "running";
                            statusUrl: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastOptOutsWords: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The words that opt out */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "builtIn": [
                     *           "text"
                     *         ],
                     *         "words": [
                     *           "text"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description always in force */
                            builtIn: string[];
                            words: string[];
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdBroadcastOptOutsWords: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "words": [
                 *         "CUKUP",
                 *         "JANGAN KIRIM LAGI"
                 *       ]
                 *     }
                 */
                "application/json": {
                    words: string[];
                };
            };
        };
        responses: {
            /** @description Choose own words that opt out */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "builtIn": [
                     *           "text"
                     *         ],
                     *         "words": [
                     *           "text"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description always in force */
                            builtIn: string[];
                            words: string[];
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastSchedule: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "numbers": [
                 *         "6281234567890"
                 *       ],
                 *       "message": "Selamat pagi {name|Kak}!",
                 *       "cron": "0 9 * * 1",
                 *       "timezone": "Asia/Jakarta"
                 *     }
                 */
                "application/json": {
                    campaignName?: string;
                    /** @description look numbers up at WhatsApp before writing to them */
                    checkNumbers?: boolean;
                    /** @description the fields of a send of that type, or the text */
                    content?: string | {
                        [key: string]: unknown;
                    };
                    /** @description five fields: a campaign of its own each time, to whoever is on the list then */
                    cron?: string;
                    /** @description campaign messages of each session a day */
                    dailyCap?: number;
                    /** @description the same as `delayBetweenMessages` */
                    delay?: number;
                    /** @description milliseconds between two messages of the campaign, whichever session sends; a session's own pace counts when it is slower */
                    delayBetweenMessages?: number;
                    /** @description share of failures among the last 100 messages at which it pauses itself */
                    failurePercent?: number;
                    listId?: string;
                    /** @description the text, or the caption; `{name}`, `{number}` and every column */
                    message?: string;
                    /** @description the same as `content` */
                    messageContent?: string | {
                        [key: string]: unknown;
                    };
                    /** @description the same as `type` */
                    messageType?: string;
                    numbers?: (string | number)[];
                    /** @description the same with the sessions of a saved pool as they are now, by name or id */
                    pool?: string;
                    /** @description nothing is sent between these times of the recipient's day */
                    quietHours?: {
                        from: string;
                        to: string;
                    };
                    /** @description ISO 8601; without an offset a time in `timezone` */
                    scheduledAt?: string;
                    /** @description several sessions send it, that of the address among them: each recipient gets it from the one that they know, or from one that has room */
                    sessions?: string[];
                    /** @description a saved text instead of `message` */
                    templateId?: string;
                    /** @description IANA name, for `scheduledAt` without offset and for `cron` */
                    timezone?: string;
                    /** @description `text` when missing; otherwise as the sends */
                    type?: string;
                    /** @description fewer people a day who do not know the session, while its link is young */
                    warmUp?: boolean;
                };
            };
        };
        responses: {
            /** @description Schedule a campaign, once or again and again */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "status": "completed",
                     *         "totalContacts": 1,
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "invalid": 1,
                     *         "duplicates": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MadeCampaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastSend: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "numbers": [
                 *         "6281234567890"
                 *       ],
                 *       "message": "Halo {name|Kak}!",
                 *       "delayBetweenMessages": 2000
                 *     }
                 */
                "application/json": {
                    campaignName?: string;
                    /** @description look numbers up at WhatsApp before writing to them */
                    checkNumbers?: boolean;
                    /** @description the fields of a send of that type, or the text */
                    content?: string | {
                        [key: string]: unknown;
                    };
                    /** @description refused: POST …/broadcast/schedule takes it */
                    cron?: unknown;
                    /** @description campaign messages of each session a day */
                    dailyCap?: number;
                    /** @description the same as `delayBetweenMessages` */
                    delay?: number;
                    /** @description milliseconds between two messages of the campaign, whichever session sends; a session's own pace counts when it is slower */
                    delayBetweenMessages?: number;
                    /** @description share of failures among the last 100 messages at which it pauses itself */
                    failurePercent?: number;
                    listId?: string;
                    /** @description the text, or the caption; `{name}`, `{number}` and every column */
                    message?: string;
                    /** @description the same as `content` */
                    messageContent?: string | {
                        [key: string]: unknown;
                    };
                    /** @description the same as `type` */
                    messageType?: string;
                    numbers?: (string | number)[];
                    /** @description the same with the sessions of a saved pool as they are now, by name or id */
                    pool?: string;
                    /** @description nothing is sent between these times of the recipient's day */
                    quietHours?: {
                        from: string;
                        to: string;
                    };
                    /** @description refused: POST …/broadcast/schedule takes it */
                    scheduledAt?: unknown;
                    /** @description several sessions send it, that of the address among them: each recipient gets it from the one that they know, or from one that has room */
                    sessions?: string[];
                    /** @description a saved text instead of `message` */
                    templateId?: string;
                    /** @description `text` when missing; otherwise as the sends */
                    type?: string;
                    /** @description fewer people a day who do not know the session, while its link is young */
                    warmUp?: boolean;
                };
            };
        };
        responses: {
            /** @description Start a campaign now */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "campaignId": "019c1234567870008000a1b2c3d4e5f7",
                     *         "name": "Budi",
                     *         "status": "completed",
                     *         "totalContacts": 1,
                     *         "scheduledAt": "2026-01-31T08:00:00.000Z",
                     *         "timezone": "Asia/Jakarta",
                     *         "invalid": 1,
                     *         "duplicates": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["MadeCampaign"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastStats: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lists, opt-outs and campaigns at a glance */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "lists": 1,
                     *         "contacts": 1,
                     *         "optOuts": 1,
                     *         "campaigns": {
                     *           "total": 1,
                     *           "scheduled": 1,
                     *           "running": 1,
                     *           "paused": 1,
                     *           "stopped": 1,
                     *           "completed": 1,
                     *           "failed": 1
                     *         },
                     *         "messages": {
                     *           "periodDays": 1,
                     *           "campaigns": 1,
                     *           "recipients": 1,
                     *           "sent": 1,
                     *           "delivered": 1,
                     *           "read": 1,
                     *           "failed": 1,
                     *           "skipped": 1,
                     *           "deliveryPercent": 1,
                     *           "readPercent": 1
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastStats"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastTemplates: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
                search?: string;
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Broadcast templates, by name */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "body": "text",
                     *           "placeholders": [
                     *             "text"
                     *           ],
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastTemplate"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastTemplates: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "promo",
                 *       "body": "{{Halo|Hai}} {name|Kak}, voucher {voucher} berlaku sampai besok."
                 *     }
                 */
                "application/json": {
                    /** @description {name}, {number} and every column; {name|Kak} with a default; {{Halo|Hai}} one of them. */
                    body: string;
                    name: string;
                };
            };
        };
        responses: {
            /** @description Save a broadcast template */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "body": "text",
                     *         "placeholders": [
                     *           "text"
                     *         ],
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastTemplate"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastTemplatesId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One broadcast template */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "body": "text",
                     *         "placeholders": [
                     *           "text"
                     *         ],
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastTemplate"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdBroadcastTemplatesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "body": "{{Halo|Hai}} {name|Kak}, voucher {voucher} berlaku sampai besok."
                 *     }
                 */
                "application/json": {
                    /** @description {name}, {number} and every column; {name|Kak} with a default; {{Halo|Hai}} one of them. */
                    body?: string;
                    name?: string;
                };
            };
        };
        responses: {
            /** @description Change a broadcast template */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "name": "Budi",
                     *         "body": "text",
                     *         "placeholders": [
                     *           "text"
                     *         ],
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastTemplate"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionIdBroadcastTemplatesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 01997c2f5b7a7d3e8a4b6c1d2e3f4a5b */
                id: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete a broadcast template */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            id: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastTemplatesPreview: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "{{Halo|Hai}} {name|Kak}, voucher {voucher} berlaku sampai besok."
                 *     }
                 */
                "application/json": {
                    /** @default 3 */
                    limit?: number;
                    /** @description Whose contacts are shown; a sample contact without it. */
                    listId?: string;
                    /** @description These contacts of the list. */
                    numbers?: string[];
                    templateId?: string;
                    /** @description {name}, {number} and every column; {name|Kak} with a default; {{Halo|Hai}} one of them. */
                    text?: string;
                };
            };
        };
        responses: {
            /** @description How a text looks for real contacts */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "placeholders": [
                     *           "text"
                     *         ],
                     *         "previews": [
                     *           {
                     *             "number": "+6281234567890",
                     *             "name": "Budi",
                     *             "text": "Your order is on its way.",
                     *             "variant": "text",
                     *             "missing": [
                     *               "text"
                     *             ]
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            placeholders: string[];
                            previews: {
                                missing: string[];
                                name: string | null;
                                number: string;
                                text: string;
                                /** @description the alternatives that were taken, from 1 */
                                variant: string | null;
                            }[];
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdBroadcastUpload: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Files that can be sent, newest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "filename": "photo.jpeg",
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *           "mimetype": "image/jpeg",
                     *           "size": 48213,
                     *           "originalName": "text",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "expiresAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            createdAt: string;
                            /**
                             * Format: date-time
                             * @description it goes then, unless something is sent with it before
                             */
                            expiresAt: string;
                            /** @description to send or delete it by */
                            filename: string;
                            /** @description as the bytes say */
                            mimetype: string;
                            originalName: string | null;
                            /** @description bytes */
                            size: number;
                            /** @description opens without a credential for a day */
                            url: string;
                        }[];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdBroadcastUpload: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "file": "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
                 *     }
                 */
                "application/json": {
                    /** @description The file, as a part of a form or as a data: URL. */
                    file?: string;
                };
                "multipart/form-data": {
                    /** Format: binary */
                    file?: string;
                };
            };
        };
        responses: {
            /** @description Upload a file for broadcasts */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "filename": "photo.jpeg",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "mimetype": "image/jpeg",
                     *         "size": 48213,
                     *         "originalName": "text",
                     *         "width": 1,
                     *         "height": 1,
                     *         "scanned": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["BroadcastUpload"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionIdBroadcastUploadFilename: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000.jpg */
                filename: string;
                /**
                 * @description unique per user
                 * @example main
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete an uploaded file */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "filename": "photo.jpeg"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            filename: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdExport: {
        parameters: {
            query: {
                /**
                 * @description the name of the session once more: the session stops here
                 * @example my-session
                 */
                confirm: string;
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take a link to another program */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdGroups: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The groups that a session is in */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "subject": "text",
                     *           "size": 48213
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description `to` of a message with `isGroup` */
                            id: string;
                            size: number;
                            subject: string;
                        }[];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroups: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "subject": "Customers",
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                    subject: string;
                };
            };
        };
        responses: {
            /** @description Make a group */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "group": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "subject": "text",
                     *           "description": "text",
                     *           "size": 48213,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "owner": {
                     *             "jid": "6281234567890@s.whatsapp.net",
                     *             "phone": "+6281234567890"
                     *           },
                     *           "role": "owner",
                     *           "announce": true,
                     *           "locked": true,
                     *           "ephemeral": 1,
                     *           "joinApproval": true,
                     *           "membersAdd": true,
                     *           "members": [
                     *             {
                     *               "jid": "6281234567890@s.whatsapp.net",
                     *               "phone": "+6281234567890",
                     *               "role": "owner"
                     *             }
                     *           ]
                     *         },
                     *         "members": [
                     *           {
                     *             "jid": "6281234567890@s.whatsapp.net",
                     *             "phone": "+6281234567890",
                     *             "status": "done",
                     *             "code": "text"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            group: components["schemas"]["Group"];
                            members: components["schemas"]["GroupMemberOutcome"][];
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdGroupsGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A group with its members */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "subject": "text",
                     *         "description": "text",
                     *         "size": 48213,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "owner": {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890"
                     *         },
                     *         "role": "owner",
                     *         "announce": true,
                     *         "locked": true,
                     *         "ephemeral": 1,
                     *         "joinApproval": true,
                     *         "membersAdd": true,
                     *         "members": [
                     *           {
                     *             "jid": "6281234567890@s.whatsapp.net",
                     *             "phone": "+6281234567890",
                     *             "role": "owner"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Group"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdGroupsGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "subject": "Customers",
                 *       "announce": true
                 *     }
                 */
                "application/json": {
                    /** @description only admins write */
                    announce?: boolean;
                    /** @description empty: none */
                    description?: string;
                    /** @description seconds after which messages disappear; 0: they stay */
                    ephemeral?: 0 | 86400 | 604800 | 7776000;
                    /** @description who comes by the link has to be let in */
                    joinApproval?: boolean;
                    /** @description only admins change subject, description and picture */
                    locked?: boolean;
                    /** @description every member may add people */
                    membersAdd?: boolean;
                    subject?: string;
                };
            };
        };
        responses: {
            /** @description Change a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "subject": "text",
                     *         "description": "text",
                     *         "size": 48213,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "owner": {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890"
                     *         },
                     *         "role": "owner",
                     *         "announce": true,
                     *         "locked": true,
                     *         "ephemeral": 1,
                     *         "joinApproval": true,
                     *         "membersAdd": true,
                     *         "members": [
                     *           {
                     *             "jid": "6281234567890@s.whatsapp.net",
                     *             "phone": "+6281234567890",
                     *             "role": "owner"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Group"];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdGroupsGroupInvite: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The invite link of a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "code": "text",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            code: string;
                            url: string;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupInviteRevoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Make a new invite link */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "code": "text",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            code: string;
                            url: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupLeave: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Leave a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupMembers: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                };
            };
        };
        responses: {
            /** @description Add people to a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "status": "done",
                     *           "code": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupMemberOutcome"][];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupMembersDemote: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                };
            };
        };
        responses: {
            /** @description Make admins members */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "status": "done",
                     *           "code": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupMemberOutcome"][];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupMembersPromote: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                };
            };
        };
        responses: {
            /** @description Make members admins */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "status": "done",
                     *           "code": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupMemberOutcome"][];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupMembersRemove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                };
            };
        };
        responses: {
            /** @description Remove people from a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "status": "done",
                     *           "code": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupMemberOutcome"][];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdGroupsGroupPicture: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "image": "https://example.com/picture.jpg"
                 *     }
                 */
                "application/json": {
                    /** @description an https URL, a data: URL, the id of an upload, or (as a form) the file itself */
                    image: string;
                };
                "multipart/form-data": {
                    /** Format: binary */
                    image: string;
                };
            };
        };
        responses: {
            /** @description Set the picture of a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSessionSessionIdGroupsGroupPicture: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take the picture of a group away */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdGroupsGroupRequests: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who asks to be let into a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "requestedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupJoinRequest"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupRequestsApprove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                };
            };
        };
        responses: {
            /** @description Let people into a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "status": "done",
                     *           "code": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupMemberOutcome"][];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsGroupRequestsReject: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description the id of a group, `…@g.us`
                 * @example 120363012345678901@g.us
                 */
                group: string;
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members": [
                 *         "+6281234567890"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description phone numbers in any usual spelling, or LIDs */
                    members: string[];
                };
            };
        };
        responses: {
            /** @description Do not let people into a group */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": [
                     *         {
                     *           "jid": "6281234567890@s.whatsapp.net",
                     *           "phone": "+6281234567890",
                     *           "status": "done",
                     *           "code": "text"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["GroupMemberOutcome"][];
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdGroupsJoin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "invite": "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv"
                 *     }
                 */
                "application/json": {
                    /** @description `https://chat.whatsapp.com/…`, or its code */
                    invite: string;
                };
            };
        };
        responses: {
            /** @description Join a group by its invite link */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "group": "text",
                     *         "status": "joined"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            group: string | null;
                            /**
                             * @description `requested`: an admin has to let the session in
                             * @enum {string}
                             */
                            status: "joined" | "requested";
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionSessionIdLimits: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Pace, limits, quiet hours, warm-up and breaker of a session */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "session": "my-session",
                     *         "pace": {
                     *           "delayMinMs": 1,
                     *           "delayMaxMs": 1,
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1
                     *         },
                     *         "reserved": {
                     *           "percent": 1,
                     *           "reason": "own",
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1
                     *         },
                     *         "maxima": {
                     *           "delayMinMs": 1,
                     *           "delayMaxMs": 1,
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1
                     *         },
                     *         "own": {
                     *           "delayMinMs": 1,
                     *           "delayMaxMs": 1,
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1,
                     *           "otpReservePercent": 1,
                     *           "newContactsPerDay": 1
                     *         },
                     *         "quietHours": {
                     *           "from": "text",
                     *           "to": "+6281234567890",
                     *           "timeZone": "Asia/Jakarta",
                     *           "quietUntil": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "warmUp": {
                     *           "days": 1,
                     *           "startPerHour": 1,
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "until": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "breaker": {
                     *           "state": "closed",
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "reason": null,
                     *           "trips": 1
                     *         },
                     *         "newContacts": {
                     *           "perDay": 1,
                     *           "reason": "own",
                     *           "used": 1,
                     *           "remaining": 1,
                     *           "reserved": 1,
                     *           "nextAt": "2026-01-31T08:00:00.000Z",
                     *           "linkedAt": "2026-01-31T08:00:00.000Z",
                     *           "accountSince": "2026-01-31",
                     *           "whatsapp": {
                     *             "total": 1,
                     *             "used": 1,
                     *             "status": "connected",
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "toldAt": "2026-01-31T08:00:00.000Z"
                     *           }
                     *         },
                     *         "restriction": {
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "kind": "text"
                     *         },
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "pauseReason": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SessionLimits"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putSessionSessionIdLimits: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description unique per user
                 * @example my-session
                 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "perMinute": 10
                 *     }
                 */
                "application/json": {
                    /** @description the day from which the WhatsApp account has been in use; null: the age of the link counts */
                    accountSince?: string | null;
                    /** @description longest gap */
                    delayMaxMs?: number | null;
                    /** @description shortest gap between two messages */
                    delayMinMs?: number | null;
                    /** @description people who do not know the session that it may write to in 24 hours; null: the service’s own while link and account are younger than 30 days or of unknown age, else no limit */
                    newContactsPerDay?: number | null;
                    /** @description of each limit, kept back for high priority; null: the service’s own where high priority was sent in the last 30 days, else nothing */
                    otpReservePercent?: number | null;
                    perHour?: number | null;
                    perMinute?: number | null;
                    perRecipientPerHour?: number | null;
                    /** @description only high priority leaves; may go over midnight */
                    quietHours?: {
                        from: string;
                        timeZone: string;
                        to: string;
                    } | null;
                    /** @description a new number begins slowly; counts from when it is set */
                    warmUp?: {
                        /** @description until the full pace is reached */
                        days: number;
                        /** @description messages an hour on the first day */
                        startPerHour: number;
                    } | null;
                };
            };
        };
        responses: {
            /** @description Change a session's own pace, quiet hours and warm-up */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "session": "my-session",
                     *         "pace": {
                     *           "delayMinMs": 1,
                     *           "delayMaxMs": 1,
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1
                     *         },
                     *         "reserved": {
                     *           "percent": 1,
                     *           "reason": "own",
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1
                     *         },
                     *         "maxima": {
                     *           "delayMinMs": 1,
                     *           "delayMaxMs": 1,
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1
                     *         },
                     *         "own": {
                     *           "delayMinMs": 1,
                     *           "delayMaxMs": 1,
                     *           "perMinute": 1,
                     *           "perHour": 1,
                     *           "perRecipientPerHour": 1,
                     *           "otpReservePercent": 1,
                     *           "newContactsPerDay": 1
                     *         },
                     *         "quietHours": {
                     *           "from": "text",
                     *           "to": "+6281234567890",
                     *           "timeZone": "Asia/Jakarta",
                     *           "quietUntil": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "warmUp": {
                     *           "days": 1,
                     *           "startPerHour": 1,
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "until": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "breaker": {
                     *           "state": "closed",
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "reason": null,
                     *           "trips": 1
                     *         },
                     *         "newContacts": {
                     *           "perDay": 1,
                     *           "reason": "own",
                     *           "used": 1,
                     *           "remaining": 1,
                     *           "reserved": 1,
                     *           "nextAt": "2026-01-31T08:00:00.000Z",
                     *           "linkedAt": "2026-01-31T08:00:00.000Z",
                     *           "accountSince": "2026-01-31",
                     *           "whatsapp": {
                     *             "total": 1,
                     *             "used": 1,
                     *             "status": "connected",
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "toldAt": "2026-01-31T08:00:00.000Z"
                     *           }
                     *         },
                     *         "restriction": {
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "kind": "text"
                     *         },
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "pauseReason": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["SessionLimits"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionSessionIdProxyTest: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "proxy": "socks5://user:password@proxy.example.com:1080"
                 *     }
                 */
                "application/json": {
                    /** @description one that is not saved yet; the session’s own when missing */
                    proxy?: string;
                };
            };
        };
        responses: {
            /** @description Try a proxy */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "ok": true,
                     *         "reason": null,
                     *         "message": "Done",
                     *         "latencyMs": 1,
                     *         "proxy": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description until WhatsApp answered, or until it was given up */
                            latencyMs: number;
                            message: string;
                            ok: boolean;
                            /** @description without user and password */
                            proxy: string;
                            reason: ("proxy_unreachable" | "proxy_unauthorized" | "proxy_refused" | "proxy_not_allowed" | "whatsapp_unreachable") | null;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionCheckPhone: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "phoneNumber": "+6281234567890"
                 *     }
                 */
                "application/json": {
                    phoneNumber: string;
                };
            };
        };
        responses: {
            /** @description Whether a phone has an active session of yours */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "hasActiveSession": true
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        hasActiveSession: boolean;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionCleanup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "hours": 24
                 *     }
                 */
                "application/json": {
                    /** @description only sessions that ended at least so long ago */
                    hours: number;
                };
            };
        };
        responses: {
            /** @description Remove sessions that are of no use */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "removed": 1
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        removed: number;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionCreate: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "sessionId": "my-session",
                 *       "phoneNumber": "+6281234567890"
                 *     }
                 */
                "application/json": {
                    /** @description as what the phone lists it once it is linked; a pairing code takes Mac OS, Windows, Linux or Ubuntu only, else the service’s own is used */
                    browser?: components["schemas"]["SessionBrowser"];
                    /**
                     * @description `code`: a pairing code to be typed on the phone `phoneNumber`
                     * @default qr
                     * @enum {string}
                     */
                    pairing?: "qr" | "code";
                    /** @description the phone that will be linked, in any usual spelling; another one is refused */
                    phoneNumber?: string;
                    /** @description its connections, files included, go through this proxy and never past it: `socks5://user:password@host:1080` */
                    proxy?: string;
                    /** @description made when missing; unique among your own sessions */
                    sessionId?: string;
                };
            };
        };
        responses: {
            /** @description Make a session and link a phone */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "status": "connected",
                     *         "phoneNumber": "+6281234567890",
                     *         "qr": "2@Zm9vYmFy,YmF6,cXV4,1",
                     *         "qrCode": "data:image/png;base64,iVBORw0KGgo=",
                     *         "pairingCode": "text",
                     *         "qrPageUrl": "text",
                     *         "qrImageUrl": "text",
                     *         "eventsUrl": "text",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            eventsUrl: string;
                            expiresAt: string | null;
                            pairingCode?: string;
                            /** @description the phone that is linked, or the one that was asked for */
                            phoneNumber: string | null;
                            qr?: string;
                            qrCode?: string;
                            qrImageUrl: string;
                            qrPageUrl: string;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionEvents: {
        parameters: {
            query: {
                /** @example my-session */
                session: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Live events of a session */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionImport: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "sessionId": "my-session",
                 *       "creds": {
                 *         "noiseKey": {}
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @description `creds.json` as JSON or as its text; also the column `creds` of Evolution */
                    creds?: unknown;
                    /** @description zip, tar or tar.gz of the folder with `creds.json`, or one JSON file, as a part of a form or as a data: URL */
                    file?: string;
                    /** @description `{"pre-key-1": …}` or `{"pre-key": {"1": …}}`, when there is no file */
                    keys?: {
                        [key: string]: unknown;
                    };
                    /** @description its connections, files included, go through this proxy and never past it */
                    proxy?: string;
                    /** @description made when missing; a session without a phone takes the link */
                    sessionId?: string;
                };
                "multipart/form-data": {
                    /** @description `creds.json` as JSON or as its text; also the column `creds` of Evolution */
                    creds?: unknown;
                    /** Format: binary */
                    file?: string;
                    /** @description `{"pre-key-1": …}` or `{"pre-key": {"1": …}}`, when there is no file */
                    keys?: {
                        [key: string]: unknown;
                    };
                    /** @description its connections, files included, go through this proxy and never past it */
                    proxy?: string;
                    /** @description made when missing; a session without a phone takes the link */
                    sessionId?: string;
                };
            };
        };
        responses: {
            /** @description Take over a link that another program made */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "session": {
                     *           "sessionId": "my-session",
                     *           "phoneNumber": "+6281234567890",
                     *           "expectedPhone": "text",
                     *           "name": "Budi",
                     *           "label": "text",
                     *           "status": "connected",
                     *           "reason": null,
                     *           "restriction": {
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "since": "2026-01-31T08:00:00.000Z",
                     *             "kind": "text"
                     *           },
                     *           "userId": 1,
                     *           "lastSeen": "2026-01-31T08:00:00.000Z",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         },
                     *         "verified": [
                     *           "text"
                     *         ],
                     *         "keys": {
                     *           "my-session": 1
                     *         },
                     *         "leftOut": 1,
                     *         "warning": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description keys that were taken, by kind */
                            keys: {
                                [key: string]: number;
                            };
                            /** @description files that are no key, or a damaged one */
                            leftOut: number;
                            session: {
                                /** Format: date-time */
                                createdAt: string;
                                /** @description the only phone that may link; null: any */
                                expectedPhone: string | null;
                                /** @description what its owner calls it */
                                label: string | null;
                                lastSeen: string | null;
                                name: string | null;
                                /** @description the phone that is linked; null before one was */
                                phoneNumber: string | null;
                                /** @description why it is not connected, e.g. client_outdated */
                                reason: string | null;
                                /** @description WhatsApp does not let the account start new chats; null: it does */
                                restriction: {
                                    /** @description WhatsApp's own name of the kind */
                                    kind: string;
                                    /** Format: date-time */
                                    since: string;
                                    /**
                                     * Format: date-time
                                     * @description until then only people who know the session are written to
                                     */
                                    until: string;
                                } | null;
                                sessionId: string;
                                /** @enum {string} */
                                status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                                /** Format: date-time */
                                updatedAt: string;
                                userId: number;
                            };
                            /** @description what was checked before anything was stored */
                            verified: string[];
                            /** @description the program that the link comes from must be stopped */
                            warning: string;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionList: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                limit?: number;
                page?: number;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List sessions */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "sessionId": "my-session",
                     *           "phoneNumber": "+6281234567890",
                     *           "expectedPhone": "text",
                     *           "name": "Budi",
                     *           "label": "text",
                     *           "status": "connected",
                     *           "reason": null,
                     *           "restriction": {
                     *             "until": "2026-01-31T08:00:00.000Z",
                     *             "since": "2026-01-31T08:00:00.000Z",
                     *             "kind": "text"
                     *           },
                     *           "userId": 1,
                     *           "lastSeen": "2026-01-31T08:00:00.000Z",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** Format: date-time */
                            createdAt: string;
                            /** @description the only phone that may link; null: any */
                            expectedPhone: string | null;
                            /** @description what its owner calls it */
                            label: string | null;
                            lastSeen: string | null;
                            name: string | null;
                            /** @description the phone that is linked; null before one was */
                            phoneNumber: string | null;
                            /** @description why it is not connected, e.g. client_outdated */
                            reason: string | null;
                            /** @description WhatsApp does not let the account start new chats; null: it does */
                            restriction: {
                                /** @description WhatsApp's own name of the kind */
                                kind: string;
                                /** Format: date-time */
                                since: string;
                                /**
                                 * Format: date-time
                                 * @description until then only people who know the session are written to
                                 */
                                until: string;
                            } | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                            /** Format: date-time */
                            updatedAt: string;
                            userId: number;
                        }[];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionLogout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sessionId": "my-session"
                 *     }
                 */
                "application/json": {
                    sessionId: string;
                };
            };
        };
        responses: {
            /** @description Unlink the phone */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "expectedPhone": "text",
                     *         "name": "Budi",
                     *         "label": "text",
                     *         "status": "connected",
                     *         "reason": null,
                     *         "restriction": {
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "kind": "text"
                     *         },
                     *         "userId": 1,
                     *         "lastSeen": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "isConnected": true,
                     *         "user": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "phone": "+6281234567890"
                     *         },
                     *         "connectedAt": "2026-01-31T08:00:00.000Z",
                     *         "disconnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "qrGenerated": "2026-01-31T08:00:00.000Z",
                     *         "deviceInfo": {},
                     *         "errorMessage": null,
                     *         "proxy": {
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *           "hasCredentials": true
                     *         },
                     *         "browser": {
                     *           "name": "Budi",
                     *           "platform": "chrome"
                     *         },
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "pauseReason": "text",
                     *         "confirmed": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description null: as the service’s own */
                            browser: {
                                /** @description what the phone shows, such as the name of a shop or `Mac OS` */
                                name: string;
                                /**
                                 * @description as which program it is shown
                                 * @default chrome
                                 * @enum {string}
                                 */
                                platform: "chrome" | "firefox" | "edge" | "safari" | "opera" | "desktop";
                            } | null;
                            /** @description false: WhatsApp could not be told, remove the device on the phone */
                            confirmed: boolean;
                            connectedAt: string | null;
                            /** Format: date-time */
                            createdAt: string;
                            deviceInfo: {
                                [key: string]: unknown;
                            } | null;
                            disconnectedAt: string | null;
                            errorMessage: string | null;
                            /** @description the only phone that may link; null: any */
                            expectedPhone: string | null;
                            isConnected: boolean;
                            /** @description what its owner calls it */
                            label: string | null;
                            lastSeen: string | null;
                            name: string | null;
                            /** @description until when a limit, a person, or to new recipients the breaker, holds the queue; null also until it is resumed */
                            pausedUntil: string | null;
                            /** @description e.g. paused, hour_limit, quiet_hours, breaker_463; null: nothing holds it */
                            pauseReason: string | null;
                            /** @description the phone that is linked; null before one was */
                            phoneNumber: string | null;
                            /** @description the proxy that it goes through, without user and password */
                            proxy: {
                                hasCredentials: boolean;
                                /** @description null: no key opens it, and nothing goes out */
                                url: string | null;
                            } | null;
                            /** @description when the latest QR code of a running pairing was made */
                            qrGenerated: string | null;
                            /** @description why it is not connected, e.g. client_outdated */
                            reason: string | null;
                            /** @description WhatsApp does not let the account start new chats; null: it does */
                            restriction: {
                                /** @description WhatsApp's own name of the kind */
                                kind: string;
                                /** Format: date-time */
                                since: string;
                                /**
                                 * Format: date-time
                                 * @description until then only people who know the session are written to
                                 */
                                until: string;
                            } | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                            /** Format: date-time */
                            updatedAt: string;
                            /** @description the linked WhatsApp account */
                            user: {
                                id: string;
                                name: string | null;
                                phone: string;
                            } | null;
                            userId: number;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionPasskeySessionId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What WhatsApp wants signed */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "stage": "asked",
                     *         "options": {},
                     *         "code": "text",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "reason": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description the phone must show the same */
                            code: string | null;
                            expiresAt: string | null;
                            /** @description what navigator.credentials.get takes as publicKey, as JSON (base64url) */
                            options: {
                                [key: string]: unknown;
                            } | null;
                            /** @description why the last try failed */
                            reason: string | null;
                            sessionId: string;
                            /**
                             * @description `asked`: sign `options`; `answered`: the phone is awaited; `confirm`: compare `code` with the phone; `failed`: see `reason`
                             * @enum {string}
                             */
                            stage: "asked" | "answered" | "confirm" | "failed";
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionPasskeySessionIdConfirm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "equal": true
                 *     }
                 */
                "application/json": {
                    /**
                     * @description false: the codes differ, end the pairing
                     * @default true
                     */
                    equal?: boolean;
                };
            };
        };
        responses: {
            /** @description Say whether the phone shows the same code */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "stage": "asked",
                     *         "options": {},
                     *         "code": "text",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "reason": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description the phone must show the same */
                            code: string | null;
                            expiresAt: string | null;
                            /** @description what navigator.credentials.get takes as publicKey, as JSON (base64url) */
                            options: {
                                [key: string]: unknown;
                            } | null;
                            /** @description why the last try failed */
                            reason: string | null;
                            sessionId: string;
                            /**
                             * @description `asked`: sign `options`; `answered`: the phone is awaited; `confirm`: compare `code` with the phone; `failed`: see `reason`
                             * @enum {string}
                             */
                            stage: "asked" | "answered" | "confirm" | "failed";
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionPasskeySessionIdResponse: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "assertion": {
                 *         "id": "jZ2Jk0Y4Q0mYw1m2eJx0fA",
                 *         "rawId": "jZ2Jk0Y4Q0mYw1m2eJx0fA",
                 *         "type": "public-key",
                 *         "response": {
                 *           "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
                 *           "authenticatorData": "AAAA",
                 *           "signature": "MEUC"
                 *         }
                 *       }
                 *     }
                 */
                "application/json": {
                    assertion: {
                        id: string;
                        rawId: string;
                        response: {
                            authenticatorData: string;
                            clientDataJSON: string;
                            signature: string;
                            userHandle?: string | null;
                        };
                        /** @constant */
                        type: "public-key";
                    };
                };
            };
        };
        responses: {
            /** @description Hand in what the browser signed */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "stage": "asked",
                     *         "options": {},
                     *         "code": "text",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "reason": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description the phone must show the same */
                            code: string | null;
                            expiresAt: string | null;
                            /** @description what navigator.credentials.get takes as publicKey, as JSON (base64url) */
                            options: {
                                [key: string]: unknown;
                            } | null;
                            /** @description why the last try failed */
                            reason: string | null;
                            sessionId: string;
                            /**
                             * @description `asked`: sign `options`; `answered`: the phone is awaited; `confirm`: compare `code` with the phone; `failed`: see `reason`
                             * @enum {string}
                             */
                            stage: "asked" | "answered" | "confirm" | "failed";
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionQrImageSessionId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The QR code as an image */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionQrPageSessionId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page that shows the QR code */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionQrSessionId: {
        parameters: {
            query?: {
                userId?: number;
            };
            header?: never;
            path: {
                /** @example my-session */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The QR code as JSON */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "sessionId": "my-session",
                     *       "status": "connected",
                     *       "qr": "2@Zm9vYmFy,YmF6,cXV4,1",
                     *       "qrCode": "data:image/png;base64,iVBORw0KGgo=",
                     *       "pairingCode": "text",
                     *       "expiresAt": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "status": "connected",
                     *         "qr": "2@Zm9vYmFy,YmF6,cXV4,1",
                     *         "qrCode": "data:image/png;base64,iVBORw0KGgo=",
                     *         "pairingCode": "text",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            expiresAt: string | null;
                            pairingCode: string | null;
                            /** @description what the QR code says */
                            qr: string | null;
                            /** @description a data: URL of the PNG */
                            qrCode: string | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                        };
                        expiresAt: string | null;
                        pairingCode: string | null;
                        /** @description what the QR code says */
                        qr: string | null;
                        /** @description a data: URL of the PNG */
                        qrCode: string | null;
                        sessionId: string;
                        /** @enum {string} */
                        status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postSessionRestart: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sessionId": "my-session"
                 *     }
                 */
                "application/json": {
                    sessionId: string;
                };
            };
        };
        responses: {
            /** @description Connect again */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done",
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "expectedPhone": "text",
                     *         "name": "Budi",
                     *         "label": "text",
                     *         "status": "connected",
                     *         "reason": null,
                     *         "restriction": {
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "kind": "text"
                     *         },
                     *         "userId": 1,
                     *         "lastSeen": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "isConnected": true,
                     *         "user": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "phone": "+6281234567890"
                     *         },
                     *         "connectedAt": "2026-01-31T08:00:00.000Z",
                     *         "disconnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "qrGenerated": "2026-01-31T08:00:00.000Z",
                     *         "deviceInfo": {},
                     *         "errorMessage": null,
                     *         "proxy": {
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *           "hasCredentials": true
                     *         },
                     *         "browser": {
                     *           "name": "Budi",
                     *           "platform": "chrome"
                     *         },
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "pauseReason": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description null: as the service’s own */
                            browser: {
                                /** @description what the phone shows, such as the name of a shop or `Mac OS` */
                                name: string;
                                /**
                                 * @description as which program it is shown
                                 * @default chrome
                                 * @enum {string}
                                 */
                                platform: "chrome" | "firefox" | "edge" | "safari" | "opera" | "desktop";
                            } | null;
                            connectedAt: string | null;
                            /** Format: date-time */
                            createdAt: string;
                            deviceInfo: {
                                [key: string]: unknown;
                            } | null;
                            disconnectedAt: string | null;
                            errorMessage: string | null;
                            /** @description the only phone that may link; null: any */
                            expectedPhone: string | null;
                            isConnected: boolean;
                            /** @description what its owner calls it */
                            label: string | null;
                            lastSeen: string | null;
                            name: string | null;
                            /** @description until when a limit, a person, or to new recipients the breaker, holds the queue; null also until it is resumed */
                            pausedUntil: string | null;
                            /** @description e.g. paused, hour_limit, quiet_hours, breaker_463; null: nothing holds it */
                            pauseReason: string | null;
                            /** @description the phone that is linked; null before one was */
                            phoneNumber: string | null;
                            /** @description the proxy that it goes through, without user and password */
                            proxy: {
                                hasCredentials: boolean;
                                /** @description null: no key opens it, and nothing goes out */
                                url: string | null;
                            } | null;
                            /** @description when the latest QR code of a running pairing was made */
                            qrGenerated: string | null;
                            /** @description why it is not connected, e.g. client_outdated */
                            reason: string | null;
                            /** @description WhatsApp does not let the account start new chats; null: it does */
                            restriction: {
                                /** @description WhatsApp's own name of the kind */
                                kind: string;
                                /** Format: date-time */
                                since: string;
                                /**
                                 * Format: date-time
                                 * @description until then only people who know the session are written to
                                 */
                                until: string;
                            } | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                            /** Format: date-time */
                            updatedAt: string;
                            /** @description the linked WhatsApp account */
                            user: {
                                id: string;
                                name: string | null;
                                phone: string;
                            } | null;
                            userId: number;
                        };
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessionStatus: {
        parameters: {
            query: {
                /** @example my-session */
                session: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How a session is */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "sessionId": "my-session",
                     *         "phoneNumber": "+6281234567890",
                     *         "expectedPhone": "text",
                     *         "name": "Budi",
                     *         "label": "text",
                     *         "status": "connected",
                     *         "reason": null,
                     *         "restriction": {
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "kind": "text"
                     *         },
                     *         "userId": 1,
                     *         "lastSeen": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "isConnected": true,
                     *         "user": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "name": "Budi",
                     *           "phone": "+6281234567890"
                     *         },
                     *         "connectedAt": "2026-01-31T08:00:00.000Z",
                     *         "disconnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "qrGenerated": "2026-01-31T08:00:00.000Z",
                     *         "deviceInfo": {},
                     *         "errorMessage": null,
                     *         "proxy": {
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *           "hasCredentials": true
                     *         },
                     *         "browser": {
                     *           "name": "Budi",
                     *           "platform": "chrome"
                     *         },
                     *         "pausedUntil": "2026-01-31T08:00:00.000Z",
                     *         "pauseReason": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description null: as the service’s own */
                            browser: {
                                /** @description what the phone shows, such as the name of a shop or `Mac OS` */
                                name: string;
                                /**
                                 * @description as which program it is shown
                                 * @default chrome
                                 * @enum {string}
                                 */
                                platform: "chrome" | "firefox" | "edge" | "safari" | "opera" | "desktop";
                            } | null;
                            connectedAt: string | null;
                            /** Format: date-time */
                            createdAt: string;
                            deviceInfo: {
                                [key: string]: unknown;
                            } | null;
                            disconnectedAt: string | null;
                            errorMessage: string | null;
                            /** @description the only phone that may link; null: any */
                            expectedPhone: string | null;
                            isConnected: boolean;
                            /** @description what its owner calls it */
                            label: string | null;
                            lastSeen: string | null;
                            name: string | null;
                            /** @description until when a limit, a person, or to new recipients the breaker, holds the queue; null also until it is resumed */
                            pausedUntil: string | null;
                            /** @description e.g. paused, hour_limit, quiet_hours, breaker_463; null: nothing holds it */
                            pauseReason: string | null;
                            /** @description the phone that is linked; null before one was */
                            phoneNumber: string | null;
                            /** @description the proxy that it goes through, without user and password */
                            proxy: {
                                hasCredentials: boolean;
                                /** @description null: no key opens it, and nothing goes out */
                                url: string | null;
                            } | null;
                            /** @description when the latest QR code of a running pairing was made */
                            qrGenerated: string | null;
                            /** @description why it is not connected, e.g. client_outdated */
                            reason: string | null;
                            /** @description WhatsApp does not let the account start new chats; null: it does */
                            restriction: {
                                /** @description WhatsApp's own name of the kind */
                                kind: string;
                                /** Format: date-time */
                                since: string;
                                /**
                                 * Format: date-time
                                 * @description until then only people who know the session are written to
                                 */
                                until: string;
                            } | null;
                            sessionId: string;
                            /** @enum {string} */
                            status: "connecting" | "qr" | "passkey" | "passkey_confirm" | "connected" | "disconnected" | "logged_out" | "replaced" | "failed";
                            /** Format: date-time */
                            updatedAt: string;
                            /** @description the linked WhatsApp account */
                            user: {
                                id: string;
                                name: string | null;
                                phone: string;
                            } | null;
                            userId: number;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUsage: {
        parameters: {
            query?: {
                format?: "json" | "csv";
                month?: string;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What you have of what you may have */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "quota": "text",
                     *           "used": 1,
                     *           "limit": 50,
                     *           "until": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "usage": {
                     *         "month": "text",
                     *         "total": 1,
                     *         "byDay": [
                     *           {
                     *             "day": "text",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "bySession": [
                     *           {
                     *             "sessionId": "my-session",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "byKind": [
                     *           {
                     *             "kind": "text",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "byEngine": [
                     *           {
                     *             "engine": "text",
                     *             "count": 1
                     *           }
                     *         ],
                     *         "byCategory": [
                     *           {
                     *             "category": "text",
                     *             "count": 1
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Usage"][];
                        /** @description with `month` */
                        usage?: components["schemas"]["MonthUsage"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putUserId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "Clerk"
                 *     }
                 */
                "application/json": {
                    email?: string;
                    name?: string;
                    password?: string;
                    /** @description end all API keys of that user as well */
                    revokeApiKeys?: boolean;
                    role?: components["schemas"]["Role"];
                    /** @enum {string} */
                    status?: "active" | "disabled";
                };
            };
        };
        responses: {
            /** @description Change a user */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       },
                     *       "data": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["User"];
                        user: components["schemas"]["User"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteUserId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Disable a user */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       },
                     *       "data": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       },
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["User"];
                        message: string;
                        user: components["schemas"]["User"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserIdAudit: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                page?: number;
            };
            header?: never;
            path: {
                /** @example 2147483647 */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What happened to a user's account */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "event": "text",
                     *           "subject": "text",
                     *           "actorId": 1,
                     *           "ip": "203.0.113.7",
                     *           "userAgent": "text",
                     *           "requestId": "5f0c2a9e7b1d4c86",
                     *           "status": "success",
                     *           "data": {},
                     *           "at": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       },
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["AuditEntry"][];
                        nextCursor: string | null;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postUserIdResetLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Make a link for a new password of a user */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["PasswordResetLink"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteUserIdSecondFactors: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take away a user's second factors */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postUserCreate: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "clerk@example.com",
                 *       "password": "password123",
                 *       "name": "Clerk",
                 *       "role": "user"
                 *     }
                 */
                "application/json": {
                    email: string;
                    name: string;
                    password: string;
                    /** @default user */
                    role?: components["schemas"]["Role"];
                    /** @description the workspace to join; missing: a new one */
                    workspace?: number;
                    /** @description there */
                    workspaceRole?: components["schemas"]["WorkspaceRole"];
                };
            };
        };
        responses: {
            /** @description Create a user */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "user": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       },
                     *       "data": {
                     *         "id": 1,
                     *         "email": "budi@example.com",
                     *         "name": "Budi",
                     *         "role": "user",
                     *         "status": "active",
                     *         "timezone": "Asia/Jakarta",
                     *         "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["User"];
                        user: components["schemas"]["User"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserDomains: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the domains of all workspaces */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "workspaceId": 1,
                     *           "domain": "text",
                     *           "role": "owner",
                     *           "provenBy": "dns",
                     *           "record": {
                     *             "name": "Budi",
                     *             "value": "text"
                     *           },
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "checkedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceDomain"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postUserDomains: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "workspaceId": 2147483647,
                 *       "domain": "example.com",
                 *       "role": "operator"
                 *     }
                 */
                "application/json": {
                    domain: string;
                    /**
                     * @description what people of the domain become
                     * @enum {string}
                     */
                    role: "admin" | "operator" | "marketer" | "developer" | "viewer";
                    workspaceId: number;
                };
            };
        };
        responses: {
            /** @description Give a workspace a domain without a record */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "workspaceId": 1,
                     *         "domain": "text",
                     *         "role": "owner",
                     *         "provenBy": "dns",
                     *         "record": {
                     *           "name": "Budi",
                     *           "value": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "checkedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceDomain"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteUserDomainsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take a domain away from its workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserList: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List users */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": 1,
                     *           "email": "budi@example.com",
                     *           "name": "Budi",
                     *           "role": "user",
                     *           "status": "active",
                     *           "timezone": "Asia/Jakarta",
                     *           "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["User"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWebhook: {
        parameters: {
            query?: {
                all?: "0" | "1" | "true" | "false" | "";
                limit?: number;
                page?: number;
                userId?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List webhooks */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "userId": 1,
                     *           "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *           "events": [
                     *             "text"
                     *           ],
                     *           "sessionId": "my-session",
                     *           "status": "active",
                     *           "previousSecretExpiresAt": "2026-01-31T08:00:00.000Z",
                     *           "headerNames": [
                     *             "text"
                     *           ],
                     *           "messageContent": true,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z",
                     *           "health": {
                     *             "state": "unused",
                     *             "attempts": 1,
                     *             "successRate": 1,
                     *             "waiting": 1,
                     *             "waitingSince": "2026-01-31T08:00:00.000Z",
                     *             "lastAcceptedAt": "2026-01-31T08:00:00.000Z"
                     *           }
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookWithHealth"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhook: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://hooks.example.com/wahub",
                 *       "events": [
                 *         "message.received",
                 *         "message.read"
                 *       ],
                 *       "headers": {
                 *         "x-shop": "toko-maju"
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @description names of events; `*` for all of them */
                    events: ("*" | "message.received" | "message.media" | "message.sent" | "message.delivered" | "message.read" | "message.failed" | "message.expired" | "message.canceled" | "group.updated" | "group.members" | "group.requests" | "session.status" | "session.restricted" | "session.unrestricted" | "otp.verified" | "otp.expired" | "otp.failed" | "otp.conversion_low" | "campaign.completed" | "campaign.paused" | "campaign.failed" | "usage.warning")[];
                    /** @description headers of every request, such as `{"authorization": "Bearer …"}`; values are never shown again */
                    headers?: {
                        [key: string]: string | null;
                    };
                    /**
                     * @description `message.sent` carries the `content` of what you sent; of a login code it is always null
                     * @default false
                     */
                    messageContent?: boolean;
                    /** @description only events of this session; missing: all sessions */
                    sessionId?: string;
                    /** @description http or https; private addresses are refused */
                    url: string;
                };
            };
        };
        responses: {
            /** @description Create a webhook */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "userId": 1,
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "events": [
                     *           "text"
                     *         ],
                     *         "sessionId": "my-session",
                     *         "status": "active",
                     *         "previousSecretExpiresAt": "2026-01-31T08:00:00.000Z",
                     *         "headerNames": [
                     *           "text"
                     *         ],
                     *         "messageContent": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** Format: date-time */
                            createdAt: string;
                            events: string[];
                            /** @description of your own headers; their values are never shown */
                            headerNames: string[];
                            id: string;
                            /** @description `message.sent` carries the `content` of what you sent; of a login code it is always null */
                            messageContent: boolean;
                            /** @description until then the secret before the rotation signs too */
                            previousSecretExpiresAt: string | null;
                            /** @description `whsec_…`, shown only here */
                            secret: string;
                            sessionId: string | null;
                            /** @enum {string} */
                            status: "active" | "disabled";
                            /** Format: date-time */
                            updatedAt: string;
                            url: string;
                            userId: number;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWebhookId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Read a webhook */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "userId": 1,
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "events": [
                     *           "text"
                     *         ],
                     *         "sessionId": "my-session",
                     *         "status": "active",
                     *         "previousSecretExpiresAt": "2026-01-31T08:00:00.000Z",
                     *         "headerNames": [
                     *           "text"
                     *         ],
                     *         "messageContent": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "health": {
                     *           "state": "unused",
                     *           "attempts": 1,
                     *           "successRate": 1,
                     *           "waiting": 1,
                     *           "waitingSince": "2026-01-31T08:00:00.000Z",
                     *           "lastAcceptedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookWithHealth"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putWebhookId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "events": [
                 *         "*"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description names of events; `*` for all of them */
                    events?: ("*" | "message.received" | "message.media" | "message.sent" | "message.delivered" | "message.read" | "message.failed" | "message.expired" | "message.canceled" | "group.updated" | "group.members" | "group.requests" | "session.status" | "session.restricted" | "session.unrestricted" | "otp.verified" | "otp.expired" | "otp.failed" | "otp.conversion_low" | "campaign.completed" | "campaign.paused" | "campaign.failed" | "usage.warning")[];
                    /** @description takes the place of all headers that there were; `null` as a value keeps the one that is there, unless the URL leads to another origin now */
                    headers?: {
                        [key: string]: string | null;
                    };
                    /** @description `message.sent` carries the `content` of what you sent; of a login code it is always null */
                    messageContent?: boolean;
                    /** @description null: all sessions */
                    sessionId?: string | null;
                    /**
                     * @description disabled: nothing is sent, nothing is kept
                     * @enum {string}
                     */
                    status?: "active" | "disabled";
                    /** @description http or https; private addresses are refused */
                    url?: string;
                };
            };
        };
        responses: {
            /** @description Change a webhook */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "userId": 1,
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "events": [
                     *           "text"
                     *         ],
                     *         "sessionId": "my-session",
                     *         "status": "active",
                     *         "previousSecretExpiresAt": "2026-01-31T08:00:00.000Z",
                     *         "headerNames": [
                     *           "text"
                     *         ],
                     *         "messageContent": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "droppedHeaders": [
                     *           "text"
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["UpdatedWebhook"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteWebhookId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Delete a webhook */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWebhookIdDeliveries: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                page?: number;
                state?: "pending" | "delivered" | "dead";
            };
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List what a webhook was told */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "webhookId": "text",
                     *           "event": "text",
                     *           "sessionId": "my-session",
                     *           "seq": 1,
                     *           "state": "pending",
                     *           "attempts": 1,
                     *           "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "lastAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "lastStatus": 1,
                     *           "lastError": "text",
                     *           "waitingBehind": {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "event": "text",
                     *             "attempts": 1,
                     *             "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *             "lastError": "text"
                     *           },
                     *           "createdAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       },
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookDelivery"][];
                        nextCursor: string | null;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookIdReplayFailed: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "since": "2026-01-01T08:30:00Z"
                 *     }
                 */
                "application/json": {
                    /**
                     * Format: date-time
                     * @description events that happened from then on and could not be delivered; 30 days are kept
                     */
                    since: string;
                };
            };
        };
        responses: {
            /** @description Deliver all failed events again */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "webhookId": "text",
                     *         "state": "running",
                     *         "since": "2026-01-31T08:00:00.000Z",
                     *         "until": "2026-01-31T08:00:00.000Z",
                     *         "found": 1,
                     *         "replayed": 1,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookReplay"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWebhookIdReplays: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the replays of a webhook */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "webhookId": "text",
                     *           "state": "running",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "until": "2026-01-31T08:00:00.000Z",
                     *           "found": 1,
                     *           "replayed": 1,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "updatedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookReplay"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookIdRetry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Try everything that waits now */
            202: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "sessions": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            sessions: number;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookIdRotateSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "graceMinutes": 60
                 *     }
                 */
                "application/json": {
                    /**
                     * @description how long the old secret signs too
                     * @default 1440
                     */
                    graceMinutes?: number;
                };
            };
        };
        responses: {
            /** @description Give a webhook a new secret */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "userId": 1,
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "events": [
                     *           "text"
                     *         ],
                     *         "sessionId": "my-session",
                     *         "status": "active",
                     *         "previousSecretExpiresAt": "2026-01-31T08:00:00.000Z",
                     *         "headerNames": [
                     *           "text"
                     *         ],
                     *         "messageContent": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z",
                     *         "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** Format: date-time */
                            createdAt: string;
                            events: string[];
                            /** @description of your own headers; their values are never shown */
                            headerNames: string[];
                            id: string;
                            /** @description `message.sent` carries the `content` of what you sent; of a login code it is always null */
                            messageContent: boolean;
                            /** @description until then the secret before the rotation signs too */
                            previousSecretExpiresAt: string | null;
                            /** @description `whsec_…`, shown only here */
                            secret: string;
                            sessionId: string | null;
                            /** @enum {string} */
                            status: "active" | "disabled";
                            /** Format: date-time */
                            updatedAt: string;
                            url: string;
                            userId: number;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookIdTest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "event": "message.delivered"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description another event than `webhook.test` is an example of it, with `test: true` in its data
                     * @default webhook.test
                     * @enum {string}
                     */
                    event?: "webhook.test" | "message.received" | "message.media" | "message.sent" | "message.delivered" | "message.read" | "message.failed" | "message.expired" | "message.canceled" | "group.updated" | "group.members" | "group.requests" | "session.status" | "session.restricted" | "session.unrestricted" | "otp.verified" | "otp.expired" | "otp.failed" | "otp.conversion_low" | "campaign.completed" | "campaign.paused" | "campaign.failed" | "usage.warning";
                };
            };
        };
        responses: {
            /** @description Send a test event now */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "eventId": "text",
                     *         "event": "text",
                     *         "delivered": true,
                     *         "status": 1,
                     *         "error": "text",
                     *         "durationMs": 1,
                     *         "request": {
                     *           "headers": {
                     *             "my-session": "text"
                     *           },
                     *           "body": "text"
                     *         },
                     *         "answer": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /** @description at most 4,096 bytes of what the receiver answered */
                            answer: string;
                            delivered: boolean;
                            durationMs: number;
                            error: string | null;
                            event: string;
                            eventId: string;
                            request: {
                                body: string;
                                headers: {
                                    [key: string]: string;
                                };
                            };
                            status: number | null;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWebhookDeliveriesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Read one delivery with its attempts */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "webhookId": "text",
                     *         "event": "text",
                     *         "sessionId": "my-session",
                     *         "seq": 1,
                     *         "state": "pending",
                     *         "attempts": 1,
                     *         "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "lastAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "lastStatus": 1,
                     *         "lastError": "text",
                     *         "waitingBehind": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "event": "text",
                     *           "attempts": 1,
                     *           "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "lastError": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "log": [
                     *           {
                     *             "attempt": 1,
                     *             "status": 1,
                     *             "error": "text",
                     *             "durationMs": 1,
                     *             "at": "2026-01-31T08:00:00.000Z",
                     *             "request": {
                     *               "headers": {
                     *                 "my-session": "text"
                     *               },
                     *               "body": "text"
                     *             },
                     *             "response": {
                     *               "body": "text"
                     *             }
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            attempts: number;
                            /** Format: date-time */
                            createdAt: string;
                            event: string;
                            /** @description the `webhook-id` header, the same on every attempt */
                            id: string;
                            lastAttemptAt: string | null;
                            lastError: string | null;
                            /** @description null: no answer came */
                            lastStatus: number | null;
                            log: components["schemas"]["WebhookAttempt"][];
                            nextAttemptAt: string | null;
                            /** @description the session's number of this event */
                            seq: number | null;
                            sessionId: string | null;
                            /** @enum {string} */
                            state: "pending" | "delivered" | "dead";
                            /** @description the earlier event of its session that has to be accepted first; null: it is first in line, or does not wait */
                            waitingBehind: {
                                attempts: number;
                                event: string;
                                id: string;
                                lastError: string | null;
                                nextAttemptAt: string | null;
                            } | null;
                            webhookId: string;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookDeliveriesIdReplay: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Kept for 24 h: the same key and request get the first answer again.
                 * @example order-4711-shipped
                 */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deliver an event again */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["IdempotentReplayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "webhookId": "text",
                     *         "event": "text",
                     *         "sessionId": "my-session",
                     *         "seq": 1,
                     *         "state": "pending",
                     *         "attempts": 1,
                     *         "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "lastAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "lastStatus": 1,
                     *         "lastError": "text",
                     *         "waitingBehind": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "event": "text",
                     *           "attempts": 1,
                     *           "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "lastError": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookDelivery"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookDeliveriesIdRetry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Try a waiting event now */
            202: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "webhookId": "text",
                     *         "event": "text",
                     *         "sessionId": "my-session",
                     *         "seq": 1,
                     *         "state": "pending",
                     *         "attempts": 1,
                     *         "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "lastAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "lastStatus": 1,
                     *         "lastError": "text",
                     *         "waitingBehind": {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "event": "text",
                     *           "attempts": 1,
                     *           "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "lastError": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookDelivery"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWebhookReplaysIdStop: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 00000000000000000000000000000000 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Stop a replay */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "webhookId": "text",
                     *         "state": "running",
                     *         "since": "2026-01-31T08:00:00.000Z",
                     *         "until": "2026-01-31T08:00:00.000Z",
                     *         "found": 1,
                     *         "replayed": 1,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "updatedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WebhookReplay"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspace: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The workspace of the credential */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": 1,
                     *         "name": "Budi",
                     *         "role": "owner",
                     *         "sessionId": "my-session",
                     *         "sessionIds": [
                     *           "my-session"
                     *         ],
                     *         "timezone": "Asia/Jakarta",
                     *         "requireSecondFactor": true,
                     *         "members": 1,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "workspaces": [
                     *           {
                     *             "id": 1,
                     *             "name": "Budi",
                     *             "role": "owner",
                     *             "sessionId": "my-session",
                     *             "sessionIds": [
                     *               "my-session"
                     *             ],
                     *             "timezone": "Asia/Jakarta",
                     *             "requireSecondFactor": true
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Workspace"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putWorkspace: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Toko Maju"
                 *     }
                 */
                "application/json": {
                    name: string;
                };
            };
        };
        responses: {
            /** @description Rename the workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspace: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Toko Maju"
                 *     }
                 */
                "application/json": {
                    name: string;
                };
            };
        };
        responses: {
            /** @description Make a further workspace */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": 1,
                     *         "name": "Budi",
                     *         "role": "owner",
                     *         "sessionId": "my-session",
                     *         "sessionIds": [
                     *           "my-session"
                     *         ],
                     *         "timezone": "Asia/Jakarta",
                     *         "requireSecondFactor": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Membership"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putWorkspaceWorkspaceIdPlan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                workspaceId: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "planId": null,
                 *       "limits": {
                 *         "messagesPerDay": 1000
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @description of this workspace alone, before those of the plan; missing: as they are */
                    limits?: {
                        apiKeys?: number;
                        contacts?: number;
                        importsRunning?: number;
                        keysInGrace?: number;
                        lists?: number;
                        members?: number;
                        messagesPerDay?: number;
                        messagesPerMonth?: number;
                        otpsPerHour?: number;
                        otpTemplates?: number;
                        requestsPerMinute?: number;
                        sessions?: number;
                        storedBytes?: number;
                        storedFiles?: number;
                        templates?: number;
                        uploadsInFlight?: number;
                        webhooks?: number;
                    };
                    /** @description null: no plan; missing: as it is */
                    planId?: string | null;
                };
            };
        };
        responses: {
            /** @description Give a workspace a plan, or limits of its own */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceWorkspaceIdResume: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                workspaceId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let a suspended workspace go on */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceWorkspaceIdSuspend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                workspaceId: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "The invoice of January is open."
                 *     }
                 */
                "application/json": {
                    /** @description what its members are told */
                    reason?: string;
                };
            };
        };
        responses: {
            /** @description Suspend a workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspaceAudit: {
        parameters: {
            query?: {
                /** @description who did it */
                actorId?: number;
                cursor?: string;
                /** @description one kind of event, such as `member.removed` */
                event?: string;
                limit?: number;
                /** @description in the event, and in what it happened to */
                search?: string;
                since?: string;
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who did what */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "at": "2026-01-31T08:00:00.000Z",
                     *           "event": "text",
                     *           "status": "success",
                     *           "subject": "text",
                     *           "sessionId": "my-session",
                     *           "actor": {
                     *             "id": 1,
                     *             "name": "Budi"
                     *           },
                     *           "ip": "203.0.113.7",
                     *           "userAgent": "text",
                     *           "requestId": "5f0c2a9e7b1d4c86",
                     *           "data": {}
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["AuditedAction"][];
                        nextCursor: string | null;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspaceAuditExport: {
        parameters: {
            query?: {
                /** @description who did it */
                actorId?: number;
                /** @description one kind of event, such as `member.removed` */
                event?: string;
                /** @description in the event, and in what it happened to */
                search?: string;
                since?: string;
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The audit as CSV */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspaceDomains: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the domains of the workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "workspaceId": 1,
                     *           "domain": "text",
                     *           "role": "owner",
                     *           "provenBy": "dns",
                     *           "record": {
                     *             "name": "Budi",
                     *             "value": "text"
                     *           },
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "checkedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceDomain"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceDomains: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "domain": "example.com",
                 *       "role": "operator"
                 *     }
                 */
                "application/json": {
                    domain: string;
                    /**
                     * @description what people of the domain become
                     * @enum {string}
                     */
                    role: "admin" | "operator" | "marketer" | "developer" | "viewer";
                };
            };
        };
        responses: {
            /** @description Add a domain */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "workspaceId": 1,
                     *         "domain": "text",
                     *         "role": "owner",
                     *         "provenBy": "dns",
                     *         "record": {
                     *           "name": "Budi",
                     *           "value": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "checkedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceDomain"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putWorkspaceDomainsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "role": "viewer"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description what people of the domain become
                     * @enum {string}
                     */
                    role: "admin" | "operator" | "marketer" | "developer" | "viewer";
                };
            };
        };
        responses: {
            /** @description Change what people of a domain become */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "workspaceId": 1,
                     *         "domain": "text",
                     *         "role": "owner",
                     *         "provenBy": "dns",
                     *         "record": {
                     *           "name": "Budi",
                     *           "value": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "checkedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceDomain"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteWorkspaceDomainsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take a domain away */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceDomainsIdVerify: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Look the TXT record of a domain up */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "workspaceId": 1,
                     *         "domain": "text",
                     *         "role": "owner",
                     *         "provenBy": "dns",
                     *         "record": {
                     *           "name": "Budi",
                     *           "value": "text"
                     *         },
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "checkedAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceDomain"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspaceInvitations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the open invitations */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "019c1234567870008000a1b2c3d4e5f9",
                     *           "email": "budi@example.com",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "invitedBy": 1,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "expiresAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Invitation"][];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceInvitations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "clerk@example.com",
                 *       "role": "operator"
                 *     }
                 */
                "application/json": {
                    email: string;
                    role: components["schemas"]["WorkspaceRole"];
                    /** @description the one session that the member sees; null: all */
                    sessionId?: string | null;
                    /** @description the sessions that the member sees, instead of `sessionId`; null: all */
                    sessionIds?: string[] | null;
                };
            };
        };
        responses: {
            /** @description Invite somebody into the workspace */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "019c1234567870008000a1b2c3d4e5f9",
                     *         "email": "budi@example.com",
                     *         "role": "owner",
                     *         "sessionId": "my-session",
                     *         "sessionIds": [
                     *           "my-session"
                     *         ],
                     *         "invitedBy": 1,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "mailed": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: {
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            createdAt: string;
                            email: string;
                            /**
                             * Format: date-time
                             * @description ISO 8601, UTC, milliseconds
                             */
                            expiresAt: string;
                            id: string;
                            /** @description the person who invited */
                            invitedBy: number;
                            mailed: boolean;
                            role: components["schemas"]["WorkspaceRole"];
                            /** @description the first of `sessionIds` */
                            sessionId: string | null;
                            /** @description the sessions that they will see; null: all */
                            sessionIds: string[] | null;
                            /** @description null where the service sends mails */
                            token: string | null;
                            /** @description null where the service sends mails */
                            url: string | null;
                        };
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteWorkspaceInvitationsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 019316f5a1b27c3d8e4f5a6b7c8d9e0f */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description End an invitation */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceLeave: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Leave the workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspaceList: {
        parameters: {
            query?: {
                format?: "json" | "csv";
                limit?: number;
                /** @description whose messages are counted, in UTC; this month when missing */
                month?: string;
                page?: number;
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All workspaces, with what they have used */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": 1,
                     *           "name": "Budi",
                     *           "status": "active",
                     *           "suspendedAt": "2026-01-31T08:00:00.000Z",
                     *           "suspendReason": "text",
                     *           "plan": {
                     *             "id": "019c1234567870008000a1b2c3d4e5f9",
                     *             "name": "Budi"
                     *           },
                     *           "limits": {
                     *             "my-session": 1
                     *           },
                     *           "members": 1,
                     *           "sessions": 1,
                     *           "month": "text",
                     *           "messages": 1,
                     *           "byCategory": {
                     *             "my-session": 1
                     *           }
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["WorkspaceUsage"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWorkspaceMembers: {
        parameters: {
            query?: {
                limit?: number;
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description List the members of the workspace */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "userId": 1,
                     *           "name": "Budi",
                     *           "email": "budi@example.com",
                     *           "role": "owner",
                     *           "sessionId": "my-session",
                     *           "sessionIds": [
                     *             "my-session"
                     *           ],
                     *           "status": "active",
                     *           "lastLoginAt": "2026-01-31T08:00:00.000Z",
                     *           "joinedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "pagination": {
                     *         "page": 1,
                     *         "limit": 50,
                     *         "totalItems": 1,
                     *         "totalPages": 1
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["Member"][];
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putWorkspaceMembersUserId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                userId: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "role": "viewer"
                 *     }
                 */
                "application/json": {
                    role?: components["schemas"]["WorkspaceRole"];
                    /** @description the one session that the member sees; null: all */
                    sessionId?: string | null;
                    /** @description the sessions that the member sees, instead of `sessionId`; null: all */
                    sessionIds?: string[] | null;
                };
            };
        };
        responses: {
            /** @description Change what a member may do */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteWorkspaceMembersUserId: {
        parameters: {
            query?: {
                /** @description `keep`: the extra keys that the member made stay those of the workspace; `revoke`: they end, too */
                keys?: "keep" | "revoke";
            };
            header?: never;
            path: {
                /** @example 2147483647 */
                userId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Remove a member */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceMembersUserIdResetLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 2147483647 */
                userId: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Make a link for a new password of a member */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                     *         "url": "https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        data: components["schemas"]["PasswordResetLink"];
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putWorkspaceSecurity: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "requireSecondFactor": false
                 *     }
                 */
                "application/json": {
                    /** @description members without a second factor can only set one up */
                    requireSecondFactor: boolean;
                };
            };
        };
        responses: {
            /** @description Ask all members for a second factor */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    postWorkspaceTransferOwnership: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "userId": 2147483647
                 *     }
                 */
                "application/json": {
                    userId: number;
                };
            };
        };
        responses: {
            /** @description Hand the workspace over */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Done"
                     *     }
                     */
                    "application/json": {
                        /** @constant */
                        success: true;
                    } & {
                        message: string;
                    };
                };
            };
            /** @description It says no. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    webhook_campaign_completed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_campaign_failed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_campaign_paused: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_group_members: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_group_requests: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_group_updated: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_canceled: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_delivered: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_expired: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_failed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_media: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_read: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_received: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MessageReceivedEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_message_sent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_otp_conversion_low: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_otp_expired: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_otp_failed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_otp_verified: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_session_restricted: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_session_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_session_unrestricted: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    webhook_usage_warning: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEvent"];
            };
        };
        responses: {
            /** @description taken; anything else is tried again */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
