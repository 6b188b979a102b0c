CREATE TABLE `wa_aliases` (
	`user_id` integer NOT NULL,
	`alias` text NOT NULL,
	`phone` text NOT NULL,
	`lid` text,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `alias`)
);
--> statement-breakpoint
CREATE INDEX `wa_aliases_phone_ix` ON `wa_aliases` (`user_id`,`phone`);--> statement-breakpoint
ALTER TABLE `messages` ADD `left_out` text;