CREATE TABLE `campaign_drafts` (
	`id` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`person_id` int NOT NULL,
	`data` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`version` int NOT NULL,
	`saved_by` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`created_at` bigint NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `campaign_drafts_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `campaign_drafts_person_ix` ON `campaign_drafts` (`user_id`,`person_id`,`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `campaign_drafts_updated_ix` ON `campaign_drafts` (`updated_at`);