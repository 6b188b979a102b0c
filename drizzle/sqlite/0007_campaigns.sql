ALTER TABLE `messages` ADD `campaign_id` text;--> statement-breakpoint
CREATE INDEX `messages_campaign_ix` ON `messages` (`campaign_id`,`status`,`id`);--> statement-breakpoint
ALTER TABLE `campaign_recipients` ADD `due_at` integer;--> statement-breakpoint
CREATE INDEX `campaign_recipients_due_ix` ON `campaign_recipients` (`campaign_id`,`state`,`due_at`);--> statement-breakpoint
ALTER TABLE `campaigns` ADD `waiting_reason` text;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `waiting_until` integer;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `retry_at` integer;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `retry_cursor` text;--> statement-breakpoint
ALTER TABLE `campaigns` ADD `resumed_at` integer;