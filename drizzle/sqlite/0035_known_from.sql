DROP INDEX `inbound_media_due_ix`;--> statement-breakpoint
CREATE INDEX `inbound_media_due_ix` ON `inbound_media` (`next_attempt_at`,`user_id`);--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `known_from` integer;