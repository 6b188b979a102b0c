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