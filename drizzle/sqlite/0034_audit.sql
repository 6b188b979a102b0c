CREATE TABLE `audit_entries` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`session_id` text,
	`event` text NOT NULL,
	`subject` text,
	`actor_id` integer NOT NULL,
	`ip` text,
	`user_agent` text,
	`request_id` text,
	`status` text NOT NULL,
	`data` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_user_ix` ON `audit_entries` (`user_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_actor_ix` ON `audit_entries` (`user_id`,`actor_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_at_ix` ON `audit_entries` (`at`);