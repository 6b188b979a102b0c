CREATE TABLE `session_commands` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`owner` text NOT NULL,
	`verb` text NOT NULL,
	`input` text NOT NULL,
	`state` text NOT NULL,
	`result` text,
	`deadline_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `session_commands_owner_ix` ON `session_commands` (`owner`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `session_commands_deadline_ix` ON `session_commands` (`deadline_at`);--> statement-breakpoint
CREATE TABLE `wake_ups` (
	`owner` text NOT NULL,
	`account_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`owner`, `account_id`)
);
--> statement-breakpoint
CREATE INDEX `wake_ups_created_ix` ON `wake_ups` (`created_at`);