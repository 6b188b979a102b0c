CREATE TABLE `plans` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`limits` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `plans_name_uq` ON `plans` (`name`);--> statement-breakpoint
CREATE TABLE `usage_counts` (
	`user_id` integer NOT NULL,
	`period` text NOT NULL,
	`session_id` text NOT NULL,
	`kind` text NOT NULL,
	`engine` text NOT NULL,
	`category` text NOT NULL,
	`count` integer NOT NULL,
	`warned_percent` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`user_id`, `period`, `session_id`, `kind`, `engine`, `category`)
);
--> statement-breakpoint
CREATE INDEX `usage_counts_period_ix` ON `usage_counts` (`period`);--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `suspended_at` integer;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `plan_id` text;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `limits` text;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `suspended_at` integer;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `suspend_reason` text;