CREATE TABLE `activity_logs` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text,
	`session_id` text,
	`seq` integer,
	`event` text NOT NULL,
	`subject` text,
	`actor_id` integer,
	`ip` text,
	`user_agent` text,
	`request_id` text,
	`status` text NOT NULL,
	`data` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `activity_user_ix` ON `activity_logs` (`user_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_seq_ix` ON `activity_logs` (`account_id`,`seq`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`prefix` text NOT NULL,
	`hash` text NOT NULL,
	`sealed` text,
	`scopes` text NOT NULL,
	`session_id` text,
	`expires_at` integer,
	`last_used_at` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_prefix_uq` ON `api_keys` (`prefix`);--> statement-breakpoint
CREATE INDEX `api_keys_user_ix` ON `api_keys` (`user_id`);--> statement-breakpoint
CREATE TABLE `counters` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`user_id` integer NOT NULL,
	`key` text NOT NULL,
	`hash` text NOT NULL,
	`status` text NOT NULL,
	`response_status` integer,
	`response` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_expiry_ix` ON `idempotency_keys` (`expires_at`);--> statement-breakpoint
CREATE TABLE `message_queue` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text NOT NULL,
	`message_id` text NOT NULL,
	`recipient` text NOT NULL,
	`status` text NOT NULL,
	`priority` integer NOT NULL,
	`available_at` integer NOT NULL,
	`expires_at` integer,
	`attempts` integer DEFAULT 0 NOT NULL,
	`claimed_fence` integer
);
--> statement-breakpoint
CREATE INDEX `message_queue_due_ix` ON `message_queue` (`account_id`,`status`,`priority`,`available_at`,`id`);--> statement-breakpoint
CREATE TABLE `messages` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text NOT NULL,
	`session_id` text NOT NULL,
	`message_id` text NOT NULL,
	`direction` text NOT NULL,
	`peer` text NOT NULL,
	`phone` text,
	`lid` text,
	`participant` text,
	`type` text NOT NULL,
	`content` text NOT NULL,
	`status` text NOT NULL,
	`priority` integer DEFAULT 1 NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`error_code` text,
	`error_message` text,
	`scheduled_at` integer,
	`expires_at` integer,
	`queued_at` integer,
	`sending_at` integer,
	`sent_at` integer,
	`delivered_at` integer,
	`read_at` integer,
	`failed_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `messages_wire_uq` ON `messages` (`account_id`,`direction`,`message_id`,`peer`);--> statement-breakpoint
CREATE INDEX `messages_user_ix` ON `messages` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `messages_account_ix` ON `messages` (`account_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `messages_public_ix` ON `messages` (`message_id`);--> statement-breakpoint
CREATE TABLE `processes` (
	`id` text PRIMARY KEY NOT NULL,
	`host` text NOT NULL,
	`pid` integer NOT NULL,
	`pid_started_at` text NOT NULL,
	`heartbeat_at` integer NOT NULL,
	`started_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rate_limits` (
	`key` text PRIMARY KEY NOT NULL,
	`window_start` integer NOT NULL,
	`count` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `rate_limits_expiry_ix` ON `rate_limits` (`expires_at`);--> statement-breakpoint
CREATE TABLE `send_attempts` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`recipient` text NOT NULL,
	`priority` integer NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `send_attempts_ix` ON `send_attempts` (`account_id`,`at`);--> statement-breakpoint
CREATE TABLE `settings` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`name` text NOT NULL,
	`password_hash` text NOT NULL,
	`role` text NOT NULL,
	`status` text NOT NULL,
	`token_version` integer DEFAULT 0 NOT NULL,
	`last_login_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_uq` ON `users` (`email`);--> statement-breakpoint
CREATE TABLE `wa_contacts` (
	`account_id` text NOT NULL,
	`lid` text NOT NULL,
	`phone` text NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `lid`)
);
--> statement-breakpoint
CREATE INDEX `wa_contacts_phone_ix` ON `wa_contacts` (`account_id`,`phone`);--> statement-breakpoint
CREATE TABLE `wa_credentials` (
	`account_id` text PRIMARY KEY NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `wa_keys` (
	`account_id` text NOT NULL,
	`type` text NOT NULL,
	`name` text NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	PRIMARY KEY(`account_id`, `type`, `name`)
);
--> statement-breakpoint
CREATE TABLE `wa_quarantine` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`erased_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `whatsapp_accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`session_id` text NOT NULL,
	`status` text NOT NULL,
	`reason` text,
	`error_message` text,
	`pairing` text NOT NULL,
	`expected_phone` text,
	`phone_number` text,
	`active_phone` text,
	`lid` text,
	`name` text,
	`device_info` text,
	`paired` integer DEFAULT false NOT NULL,
	`qr` text,
	`pairing_code` text,
	`qr_expires_at` integer,
	`owner` text,
	`fence` integer DEFAULT 0 NOT NULL,
	`seq` integer DEFAULT 0 NOT NULL,
	`limits` text,
	`paused_until` integer,
	`pause_reason` text,
	`connected_at` integer,
	`disconnected_at` integer,
	`last_seen_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_session_uq` ON `whatsapp_accounts` (`user_id`,`session_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_phone_uq` ON `whatsapp_accounts` (`user_id`,`active_phone`);--> statement-breakpoint
CREATE INDEX `accounts_owner_ix` ON `whatsapp_accounts` (`owner`);--> statement-breakpoint
CREATE TABLE `otp_numbers` (
	`user_id` integer NOT NULL,
	`phone` text NOT NULL,
	`sends` text NOT NULL,
	`last_otp_id` text,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `phone`)
);
--> statement-breakpoint
CREATE INDEX `otp_numbers_age_ix` ON `otp_numbers` (`updated_at`);--> statement-breakpoint
CREATE TABLE `otp_settings` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`allowed_countries` text,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `otp_templates` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`name` text NOT NULL,
	`body` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `otp_templates_name_uq` ON `otp_templates` (`user_id`,`name`);--> statement-breakpoint
CREATE TABLE `otps` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text NOT NULL,
	`session_id` text NOT NULL,
	`requested_session_id` text NOT NULL,
	`phone` text NOT NULL,
	`open_phone` text,
	`status` text NOT NULL,
	`reason` text,
	`code_mac` text,
	`sealed` text,
	`length` integer NOT NULL,
	`company_name` text,
	`language` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`max_attempts` integer NOT NULL,
	`last_attempt_at` integer,
	`message_row_id` text NOT NULL,
	`message_id` text NOT NULL,
	`deliveries` text NOT NULL,
	`failover` text NOT NULL,
	`watch_at` integer,
	`end_user_ip` text,
	`ip` text,
	`user_agent` text,
	`expires_at` integer NOT NULL,
	`sent_at` integer,
	`verified_at` integer,
	`ended_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `otps_open_uq` ON `otps` (`user_id`,`open_phone`);--> statement-breakpoint
CREATE INDEX `otps_phone_ix` ON `otps` (`user_id`,`phone`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_user_ix` ON `otps` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_expiry_ix` ON `otps` (`status`,`expires_at`);--> statement-breakpoint
CREATE INDEX `otps_watch_ix` ON `otps` (`watch_at`);--> statement-breakpoint
CREATE INDEX `otps_ended_ix` ON `otps` (`ended_at`,`id`);