CREATE TABLE `campaign_drafts` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`person_id` integer NOT NULL,
	`data` text NOT NULL,
	`version` integer NOT NULL,
	`saved_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `campaign_drafts_person_ix` ON `campaign_drafts` (`user_id`,`person_id`,`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `campaign_drafts_updated_ix` ON `campaign_drafts` (`updated_at`);