ALTER TABLE `messages` ADD `campaign_id` char(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
ALTER TABLE `campaign_recipients` ADD `due_at` bigint;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `waiting_reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `waiting_until` bigint;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `retry_at` bigint;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `retry_cursor` char(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `resumed_at` bigint;--> statement-breakpoint
CREATE INDEX `messages_campaign_ix` ON `messages` (`campaign_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `campaign_recipients_due_ix` ON `campaign_recipients` (`campaign_id`,`state`,`due_at`);