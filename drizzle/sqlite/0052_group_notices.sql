CREATE TABLE `group_notices` (
	`account_id` text NOT NULL,
	`notice` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `notice`)
);
--> statement-breakpoint
CREATE INDEX `group_notices_at_ix` ON `group_notices` (`at`);