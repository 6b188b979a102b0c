CREATE TABLE `event_responses` (
	`account_id` text NOT NULL,
	`event_id` text NOT NULL,
	`person` text NOT NULL,
	`response` text NOT NULL,
	`guests` integer NOT NULL,
	`answered_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `event_id`, `person`)
);
--> statement-breakpoint
CREATE INDEX `event_responses_answered_ix` ON `event_responses` (`answered_at`);--> statement-breakpoint
ALTER TABLE `messages` ADD `pinned_until` integer;--> statement-breakpoint
ALTER TABLE `messages` ADD `pin_set_at` integer;--> statement-breakpoint
ALTER TABLE `messages` ADD `starred_at` integer;