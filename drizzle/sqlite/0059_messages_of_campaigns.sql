DROP INDEX `messages_campaign_ix`;--> statement-breakpoint
CREATE INDEX `messages_campaign_ix` ON `messages` (`campaign_id`,`status`,`id`) WHERE "messages"."campaign_id" is not null;