ALTER TABLE `whatsapp_accounts` ADD `breaker_until` integer;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `breaker_code` text;--> statement-breakpoint
ALTER TABLE `whatsapp_accounts` ADD `breaker_trips` integer DEFAULT 0 NOT NULL;