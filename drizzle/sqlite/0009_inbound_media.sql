CREATE TABLE `inbound_media` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`account_id` text NOT NULL,
	`key_id` text NOT NULL,
	`sealed` blob NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`claimed_by` text,
	`next_attempt_at` integer NOT NULL,
	`give_up_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `inbound_media_due_ix` ON `inbound_media` (`next_attempt_at`);