DROP INDEX `campaign_recipients_state_ix` ON `campaign_recipients`;--> statement-breakpoint
DROP INDEX `campaign_recipients_message_ix` ON `campaign_recipients`;--> statement-breakpoint
ALTER TABLE `campaign_recipients` DROP COLUMN `message_id`;--> statement-breakpoint
ALTER TABLE `campaign_recipients` DROP COLUMN `replied`;--> statement-breakpoint
ALTER TABLE `campaigns` DROP COLUMN `settled`;--> statement-breakpoint
ALTER TABLE `campaigns` DROP COLUMN `feed_fence`;