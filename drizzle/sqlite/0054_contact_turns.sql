CREATE TABLE `contact_turns` (
	`account_id` text PRIMARY KEY NOT NULL,
	`turns` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `usage_counts_slot_ix` ON `usage_counts` (`slot`,`period`);