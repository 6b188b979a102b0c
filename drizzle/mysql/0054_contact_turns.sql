CREATE TABLE `contact_turns` (
	`account_id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`turns` bigint NOT NULL,
	CONSTRAINT `contact_turns_account_id` PRIMARY KEY(`account_id`)
);
--> statement-breakpoint
CREATE INDEX `usage_counts_slot_ix` ON `usage_counts` (`slot`,`period`);