CREATE TABLE `ended_tokens` (
	`digest` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `ended_tokens_expiry_ix` ON `ended_tokens` (`expires_at`);--> statement-breakpoint
CREATE TABLE `known_networks` (
	`user_id` integer NOT NULL,
	`network` text NOT NULL,
	`last_seen_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `network`)
);
--> statement-breakpoint
CREATE INDEX `known_networks_seen_ix` ON `known_networks` (`last_seen_at`);--> statement-breakpoint
CREATE TABLE `quota_holds` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`kind` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `quota_holds_user_ix` ON `quota_holds` (`user_id`,`kind`,`expires_at`);--> statement-breakpoint
CREATE INDEX `quota_holds_expiry_ix` ON `quota_holds` (`expires_at`);--> statement-breakpoint
ALTER TABLE `users` ADD `links_from` integer;--> statement-breakpoint
CREATE INDEX `media_usage_ix` ON `media` (`user_id`,`kind`,`size`);