CREATE TABLE `media_sources` (
	`id` text PRIMARY KEY NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `poll_votes` (
	`account_id` text NOT NULL,
	`poll_id` text NOT NULL,
	`voter` text NOT NULL,
	`options` text NOT NULL,
	`voted_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `poll_id`, `voter`)
);
--> statement-breakpoint
CREATE INDEX `poll_votes_voted_ix` ON `poll_votes` (`voted_at`);--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `reject_calls` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `call_text` text;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `auto_read_from` integer;--> statement-breakpoint
ALTER TABLE `inbound_media` ADD `media_id` text;