CREATE TABLE `factor_challenges` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`step` text NOT NULL,
	`challenge` text NOT NULL,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `factor_challenges_expiry_ix` ON `factor_challenges` (`expires_at`);--> statement-breakpoint
CREATE TABLE `password_resets` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`workspace_id` integer,
	`created_by` integer,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `password_resets_user_ix` ON `password_resets` (`user_id`);--> statement-breakpoint
CREATE INDEX `password_resets_expiry_ix` ON `password_resets` (`expires_at`);--> statement-breakpoint
CREATE TABLE `recovery_codes` (
	`user_id` integer NOT NULL,
	`hash` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `hash`)
);
--> statement-breakpoint
CREATE TABLE `second_factors` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`secret` text,
	`credential_id` text,
	`public_key` text,
	`transports` text,
	`counter` integer DEFAULT 0 NOT NULL,
	`confirmed_at` integer,
	`created_at` integer NOT NULL,
	`last_used_at` integer
);
--> statement-breakpoint
CREATE INDEX `second_factors_user_ix` ON `second_factors` (`user_id`,`kind`);--> statement-breakpoint
CREATE TABLE `sign_ins` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`user_agent` text,
	`ip` text,
	`proven_at` integer,
	`created_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `sign_ins_user_ix` ON `sign_ins` (`user_id`,`last_seen_at`);--> statement-breakpoint
CREATE INDEX `sign_ins_expiry_ix` ON `sign_ins` (`expires_at`);--> statement-breakpoint
ALTER TABLE `mail_outbox` ADD `reset_id` text;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `require_second_factor` integer DEFAULT false NOT NULL;